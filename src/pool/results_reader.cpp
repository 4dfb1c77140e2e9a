#include "coproc/results_view.hpp"

#include <algorithm>
#include <utility>

namespace coproc::inline v0::detail {

namespace {

constexpr std::size_t kPulledAtOnce = 64;  // calls; or one stretch, if that is more
/// The interval at which a reader that is busy with its results takes in others and hands out tasks.
constexpr std::chrono::microseconds kTendEvery{200};
constexpr std::chrono::milliseconds kReportEvery{10};

}  // namespace

ResultsReader::ResultsReader(JobHandle job, std::unique_ptr<TaskSource> source, TaskOptions options,
                             std::optional<std::size_t> total, std::shared_ptr<void> kept)
    : kept_(std::move(kept)), job_(std::move(job)), source_(std::move(source)), options_(std::move(options)) {
  progress_.total = total;
  begin_ = std::chrono::steady_clock::now();
  feed();  // so that the workers begin now, and not when the first result is read
}

EndedCall ResultsReader::next() {
  if (latest_.task != nullptr) {
    const Task& task = *latest_.task;
    ++latest_.index;
    if (latest_.index != task.index + task.calls) {
      if (!task.error) latest_.at = ResultDecoder::end_of(task, latest_.at);
      return count(latest_);
    }
    latest_ = {};
    ready_.pop_front();
  }
  const auto now = std::chrono::steady_clock::now();
  if (now - fed_ > kTendEvery) {
    feed();
    job_.tend();
  }
  while (ready_.empty()) {
    feed();
    if (job_.wait(ready_, options_.progress ? Timeout(std::chrono::milliseconds(100)) : kForever) ==
        JobHandle::News::finished) {
      report(true);
      return {};
    }
    report(false);
  }
  const Task& first = *ready_.front();
  return count(latest_ = {&first, 0, first.index});
}

const EndedCall& ResultsReader::count(const EndedCall& call) noexcept {
  ++progress_.done;
  if (call.task->error) ++progress_.failed;
  return call;
}

/// Reads the input and hands over tasks, as many as the pool wants now.
void ResultsReader::feed() {
  fed_ = std::chrono::steady_clock::now();
  std::vector<TaskPtr> tasks;
  while (source_ != nullptr) {
    const auto [calls, stretch] = job_.wanted();
    if (calls == 0) return;
    std::exception_ptr error;
    bool is_at_end = false;
    try {
      is_at_end = !source_->pull(tasks, std::min(calls, std::max(stretch, kPulledAtOnce)), stretch);
    } catch (...) {
      error = std::current_exception();
      is_at_end = true;
    }
    if (!tasks.empty()) job_.add(std::exchange(tasks, {}));
    if (is_at_end) {
      job_.end_input(std::move(error));
      source_.reset();
    }
  }
}

void ResultsReader::report(bool is_last) {
  if (!options_.progress || progress_.is_last) return;
  const auto now = std::chrono::steady_clock::now();
  if (!is_last && now - reported_ < kReportEvery) return;
  reported_ = now;
  progress_.elapsed = now - begin_;
  progress_.is_last = is_last;
  options_.progress(progress_);
}

}  // namespace coproc::inline v0::detail
