// A list of tasks: the queue, the window of a worker, or the unread results of a job.
//
// The tasks are linked through themselves. To move one allocates nothing and cannot fail, so that no task is lost when
// memory is scarce.
//
// Thread safety: none. The pool's mutex guards the lists of a pool.
// Invariants: `calls_` is the sum of the calls of all tasks; `last_` is null exactly if `head_` is.
#pragma once

#include <cstddef>
#include <iterator>
#include <utility>

#include "coproc/detail/task.hpp"

namespace coproc::inline v0::detail {

/// Answered calls that were split off their stretch. Their arguments are not needed any more.
class EndedCalls final : public Task {
 public:
  void encode(Encoder&) const override {}
};

class TaskList {
 public:
  TaskList() noexcept = default;
  TaskList(TaskList&& other) noexcept
      : head_(std::exchange(other.head_, nullptr)),
        last_(std::exchange(other.last_, nullptr)),
        calls_(std::exchange(other.calls_, 0)) {}
  TaskList& operator=(TaskList&& other) noexcept {
    std::swap(head_, other.head_);
    std::swap(last_, other.last_);
    std::swap(calls_, other.calls_);
    return *this;
  }
  ~TaskList() { clear(); }

  bool empty() const noexcept { return head_ == nullptr; }
  /// The number of calls of all tasks.
  std::size_t calls() const noexcept { return calls_; }
  Task& front() const noexcept { return *head_; }

  void push_back(TaskPtr task) noexcept {
    Task* const added = task.release();
    added->next = nullptr;
    (last_ == nullptr ? head_ : last_->next) = added;
    last_ = added;
    calls_ += added->calls;
  }
  void push_front(TaskPtr task) noexcept {
    Task* const added = task.release();
    added->next = head_;
    head_ = added;
    if (last_ == nullptr) last_ = added;
    calls_ += added->calls;
  }
  TaskPtr pop_front() noexcept {
    TaskPtr first(head_);
    head_ = std::exchange(first->next, nullptr);
    if (head_ == nullptr) last_ = nullptr;
    calls_ -= first->calls;
    return first;
  }
  /// Takes out the first calls of the first task, together with the results of the task. Throws std::bad_alloc.
  TaskPtr pop_front(std::size_t calls) {
    Task& whole = *head_;
    if (whole.calls == calls) return pop_front();
    TaskPtr part = std::make_unique<EndedCalls>();
    part->job = whole.job;
    part->calls = calls;
    part->index = whole.index;
    part->results = std::move(whole.results);
    whole.answered = 0;
    whole.begin += calls;
    whole.calls -= calls;
    whole.index += calls;
    whole.serial += calls;
    whole.deaths = 0;
    calls_ -= calls;
    return part;
  }
  /// Puts the tasks of another list before these.
  void prepend(TaskList&& others) noexcept {
    others.append(std::move(*this));
    *this = std::move(others);
  }
  /// Puts the tasks of another list behind these, in constant time.
  void append(TaskList&& others) noexcept {
    if (others.empty()) return;
    (last_ == nullptr ? head_ : last_->next) = std::exchange(others.head_, nullptr);
    last_ = std::exchange(others.last_, nullptr);
    calls_ += std::exchange(others.calls_, 0);
  }
  /// Takes out the tasks for which `is_wanted` returns true. The others keep their order.
  template <class IsWanted>
  TaskList take_if(const IsWanted& is_wanted) noexcept {
    TaskList taken, kept;
    while (!empty()) {
      TaskPtr task = pop_front();
      (is_wanted(std::as_const(*task)) ? taken : kept).push_back(std::move(task));
    }
    *this = std::move(kept);
    return taken;
  }
  void clear() noexcept {
    while (!empty()) pop_front();
  }

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Task;
    using difference_type = std::ptrdiff_t;
    using pointer = Task*;
    using reference = Task&;

    explicit Iterator(Task* at) noexcept : at_(at) {}
    Task& operator*() const noexcept { return *at_; }
    Iterator& operator++() noexcept {
      at_ = at_->next;
      return *this;
    }
    Iterator operator++(int) noexcept {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const noexcept = default;

   private:
    Task* at_;
  };
  Iterator begin() const noexcept { return Iterator(head_); }
  Iterator end() const noexcept { return Iterator(nullptr); }

 private:
  Task* head_ = nullptr;
  Task* last_ = nullptr;
  std::size_t calls_ = 0;
};

}  // namespace coproc::inline v0::detail
