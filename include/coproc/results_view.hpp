// The results of a map as a range, which arrive while it is read.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "coproc/detail/range_reader.hpp"
#include "coproc/detail/reading_iterator.hpp"
#include "coproc/detail/task.hpp"
#include "coproc/detail/task_call.hpp"
#include "coproc/progress.hpp"

namespace coproc::inline v0 {

/// One result of a map, or the error in its place.
///
/// Thread safety: a value.
template <class R>
class TaskResult {
 public:
  TaskResult(std::uint64_t index, R&& value) : index_(index), value_(std::move(value)) {}
  TaskResult(std::uint64_t index, std::exception_ptr error) : index_(index), error_(std::move(error)) {}

  /// The index of the argument in the input, from 0 on.
  std::uint64_t index() const noexcept { return index_; }
  bool has_value() const noexcept { return value_.has_value(); }
  /// Returns the value, or throws the error.
  R& value() {
    if (!value_) std::rethrow_exception(error_);
    return *value_;
  }
  /// The error, or null if there is a value.
  const std::exception_ptr& error() const noexcept { return error_; }

 private:
  std::uint64_t index_;
  std::optional<R> value_;
  std::exception_ptr error_;
};

namespace detail {

/// The source of the tasks of a map.
class TaskSource {
 public:
  virtual ~TaskSource() = default;
  /// Appends tasks of up to `calls` calls in all, each of up to `stretch`, and returns false if there are no more.
  /// Throws the exceptions of the input; tasks that were appended before are kept.
  virtual bool pull(std::vector<TaskPtr>& into, std::size_t calls, std::size_t stretch) = 0;
};

/// One call of a task that has ended.
struct EndedCall {
  const Task* task = nullptr;
  std::size_t at = 0;  // the place of its result, for ResultDecoder
  std::uint64_t index = 0;
};

/// Reads the results of a job, and supplies it with tasks.
class COPROC_API ResultsReader {
 public:
  /// `kept` is kept as long as the reader.
  ResultsReader(JobHandle job, std::unique_ptr<TaskSource> source, TaskOptions options,
                std::optional<std::size_t> total, std::shared_ptr<void> kept = nullptr);
  ResultsReader(ResultsReader&&) noexcept = default;
  ResultsReader& operator=(ResultsReader&&) noexcept = default;

  /// Waits for the next result, which is valid until the next call; without a task if there are no more.
  EndedCall next();

 private:
  const EndedCall& count(const EndedCall& call) noexcept;
  void feed();
  void report(bool is_last);

  std::shared_ptr<void> kept_;  // first, so that it is destroyed last
  JobHandle job_;
  std::unique_ptr<TaskSource> source_;  // null after its end
  TaskOptions options_;
  std::deque<TaskPtr> ready_;
  EndedCall latest_;  // of the first that is ready
  Progress progress_;
  std::chrono::steady_clock::time_point begin_, fed_, reported_{};
};

}  // namespace detail

/// The results that `map` and `map_unordered` return: a move-only range that is read once, by the law of
/// detail/reading_iterator.hpp. While it is read, the input is read and tasks are run.
///
/// The error of a task is thrown by `*`, in place of its result; a new loop continues behind it. An exception of the
/// input is thrown behind the results of all elements that were read before. If the range is destroyed before its end,
/// tasks that have not begun will not run, and no result reaches a later map.
///
/// The input must live as long as this range, unless it was passed as an rvalue.
///
/// Thread safety: one thread at a time.
template <class R>
class ResultsView {
 public:
  explicit ResultsView(detail::ResultsReader reader) : reader_(std::move(reader)) {}
  ResultsView(ResultsView&&) noexcept = default;
  ResultsView& operator=(ResultsView&&) noexcept = default;

  using value_type = R;
  using Iterator = detail::ReadingIterator<ResultsView>;
  Iterator begin() { return Iterator(*this); }
  detail::EndOfReading end() const noexcept { return {}; }

  /// Reads all results. Throws the first error that it meets; then tasks that have not begun will not run.
  std::vector<R> collect() {
    std::vector<R> all;
    for (R& value : *this) all.push_back(std::move(value));
    return all;
  }
  operator std::vector<R>() { return collect(); }  // NOLINT: `std::vector<int> squares = pool.map(...)`

  /// Returns the same results as a range of TaskResult<R>, which never throws the error of a task.
  class Outcomes;
  Outcomes as_results() && { return Outcomes(std::move(*this)); }

 private:
  friend Iterator;
  friend class Outcomes;

  /// Waits for a result, unless there is a present one. Returns whether there is one.
  bool fetch() {
    if (call_.task != nullptr || value_) return true;
    call_ = reader_.next();
    index_ = call_.index;
    return call_.task != nullptr;
  }
  R& value() {
    fetch();
    if (!value_) {
      // Also if this throws, so that the next loop begins behind it.
      const detail::EndedCall call = std::exchange(call_, {});
      value_.emplace(detail::decode_result<R>(*call.task, call.at));
    }
    return *value_;
  }
  void drop() noexcept {
    call_ = {};
    value_.reset();
  }
  std::uint64_t index() const noexcept { return index_; }

  detail::ResultsReader reader_;
  // The present result: as it arrived, or as its value.
  detail::EndedCall call_;
  std::optional<R> value_;
  std::uint64_t index_ = 0;
};

template <class R>
class ResultsView<R>::Outcomes {
 public:
  explicit Outcomes(ResultsView&& view) : view_(std::move(view)) {}

  using value_type = TaskResult<R>;
  using Iterator = detail::ReadingIterator<Outcomes>;
  Iterator begin() { return Iterator(*this); }
  detail::EndOfReading end() const noexcept { return {}; }

 private:
  friend Iterator;

  bool fetch() { return result_ || view_.fetch(); }
  std::uint64_t index() const noexcept { return view_.index(); }
  void drop() noexcept {
    result_.reset();
    view_.drop();
  }
  TaskResult<R>& value() {
    view_.fetch();
    if (!result_) {
      const detail::EndedCall& call = view_.call_;
      try {
        result_.emplace(call.index, detail::decode_result<R>(*call.task, call.at));
      } catch (...) {
        result_.emplace(call.index, std::current_exception());
      }
    }
    return *result_;
  }

  ResultsView view_;
  std::optional<TaskResult<R>> result_;
};

namespace detail {

/// Makes tasks of the elements of a range. `Held` is the range or a reference to it.
template <class F, class Held>
class RangeSource final : public TaskSource {
 public:
  RangeSource(const F& function, Held&& range)
      : function_(shared_callable(function)), reader_(std::forward<Held>(range)) {}

  bool pull(std::vector<TaskPtr>& into, std::size_t calls, std::size_t stretch) override {
    if (stretch > 1) return pull_stretches(into, calls, stretch);
    for (; calls != 0; --calls) {
      if (!reader_.next()) return false;
      into.push_back(std::make_unique<Call<F, element_t<Held>>>(function_, *reader_));
    }
    return true;
  }

 private:
  bool pull_stretches(std::vector<TaskPtr>& into, std::size_t calls, std::size_t stretch) {
    while (calls != 0) {
      auto task = std::make_unique<Calls<F, element_t<Held>>>(function_, (std::min)(calls, stretch));
      const auto fill = [&] {
        while (calls != 0 && task->calls != stretch) {
          if (!reader_.next()) return false;
          task->add(*reader_);
          --calls;
        }
        return true;
      };
      bool is_more = false;
      std::exception_ptr error;
      try {
        is_more = fill();
      } catch (...) {
        error = std::current_exception();
      }
      if (task->calls != 0) into.push_back(std::move(task));
      if (error) std::rethrow_exception(error);
      if (!is_more) return false;
    }
    return true;
  }

  std::shared_ptr<const F> function_;
  RangeReader<Held> reader_;
};

template <class Range>
std::optional<std::size_t> size_if_known(const Range& range) {
  if constexpr (requires { std::size(range); }) {
    return static_cast<std::size_t>(std::size(range));
  } else {
    return std::nullopt;
  }
}

}  // namespace detail
}  // namespace coproc::inline v0
