#include "pool/end_calls.hpp"

#include <utility>

#include "os/cancel.hpp"

namespace coproc::inline v0::detail {

namespace {

/// Jobs in the order of their ends.
class Queue {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  void append(std::shared_ptr<Job> latest_first) noexcept {
    std::shared_ptr<Job> in_order;
    Job* const last = latest_first.get();
    while (latest_first != nullptr) {
      std::shared_ptr<Job> next = std::move(latest_first->next_to_call);
      latest_first->next_to_call = std::move(in_order);
      in_order = std::exchange(latest_first, std::move(next));
    }
    if (in_order == nullptr) return;
    (empty() ? first_ : last_->next_to_call) = std::move(in_order);
    last_ = last;
  }
  std::shared_ptr<Job> pop() noexcept {
    std::shared_ptr<Job> job = std::move(first_);
    first_ = std::move(job->next_to_call);
    return job;
  }

 private:
  std::shared_ptr<Job> first_;
  Job* last_ = nullptr;  // if there is any
};

thread_local Queue* under_way = nullptr;  // of the outermost call in this thread

}  // namespace

bool EndCalls::are_left() noexcept { return under_way != nullptr && !under_way->empty(); }

void EndCalls::call(std::shared_ptr<Job> latest_first, bool at_once) noexcept {
  if (latest_first == nullptr && !(at_once && are_left())) return;
  const os::NoCancel stays;  // or else the remaining functions would not be called
  Queue own;
  const bool is_outermost = under_way == nullptr;
  if (is_outermost) under_way = &own;
  Queue& queue = *under_way;
  queue.append(std::move(latest_first));
  while ((is_outermost || at_once) && !queue.empty()) {
    const std::shared_ptr<Job> job = queue.pop();
    try {
      std::exchange(job->then, nullptr)();
    } catch (...) {
      // No caller here could handle it (see JobHandle::then).
    }
  }
  if (is_outermost) under_way = nullptr;
}

}  // namespace coproc::inline v0::detail
