// A pool whose workers are forked at each call, so that it can run any function on any elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/detail/task.hpp"
#include "coproc/detail/task_call.hpp"
#include "coproc/error_payload.hpp"
#include "coproc/pool_options.hpp"
#include "coproc/results_view.hpp"

namespace coproc::inline v0 {

namespace detail {

/// The function and the elements, which forked workers inherit at the same addresses.
template <class F, class Held>
struct LazyInput {
  F function;
  Held items;
  std::optional<PoolHandle> pool = {};  // last, so that the workers end before the rest is destroyed
};

template <class F, class Held>
void run_lazy_call(TaskRun& run) {
  const auto index = coproc::decode<std::uint64_t>(run.arguments);
  run.is_decoded = true;
  if (run.is_skipped) return;
  // The input is the worker's own copy, so it may be changed.
  auto& input = *static_cast<LazyInput<F, Held>*>(const_cast<void*>(run.context));
  auto&& item = *std::next(std::begin(input.items), static_cast<std::ptrdiff_t>(index));
  using Called = decltype(std::invoke(input.function, item));
  reply_with<Called>(run, [&]() -> Called { return std::invoke(input.function, item); });
}

/// A source of the indices of the elements.
class COPROC_API IndexSource final : public TaskSource {
 public:
  explicit IndexSource(std::size_t count) noexcept : count_(count) {}
  bool pull(std::vector<TaskPtr>& into, std::size_t calls, std::size_t stretch) override;

 private:
  std::size_t next_ = 0;
  std::size_t count_;
};

}  // namespace detail

/// A pool whose workers are forked at each call, so that they have a copy of everything in the host. Therefore the
/// function may be any closure, and the elements need no codec. Only the indices of elements travel to the workers; the
/// results, which must be of types that can be sent, travel back.
///
///     coproc::LazyPool pool;
///     const Model model = ...;
///     std::vector<double> scores = pool.map([&](const Candidate& c) { return model.score(c); }, candidates);
///
/// Like any fork, the call throws StartError if this process has other threads, unless `PoolOptions::worker.method` is
/// StartMethod::fork. Changes that the function makes to variables are made in its worker only.
///
/// Thread safety: one thread at a time.
class LazyPool {
 public:
  /// Throws InvalidArgumentError for options that cannot work; `PoolOptions::background` is one.
  COPROC_API explicit LazyPool(PoolOptions options = {});

  /// Calls the function with each element and returns the results in the order of the elements. A range without random
  /// access is copied first. Without `options` those of `PoolOptions::tasks` apply.
  template <class F, class Range>
  auto map(F function, Range&& items, const TaskOptions& options = detail::kTasksOfPool) {
    return start_map(std::move(function), std::forward<Range>(items), options, true);
  }
  /// The same, but the results are in the order in which they arrive.
  template <class F, class Range>
  auto map_unordered(F function, Range&& items, const TaskOptions& options = detail::kTasksOfPool) {
    return start_map(std::move(function), std::forward<Range>(items), options, false);
  }

  /// The insights of the latest call.
  COPROC_API PoolInsights insights() const;
  /// Makes the present wait of the latest call, or else its next wait, throw InterruptedError. May be called by any
  /// thread and by signal handlers.
  COPROC_API void interrupt() noexcept;

 private:
  template <class F, class Range>
  auto start_map(F function, Range&& items, const TaskOptions& options, bool is_ordered) {
    if constexpr (std::random_access_iterator<decltype(std::begin(items))> && requires { std::size(items); }) {
      return fork_map<F, Range>(std::move(function), std::forward<Range>(items), options, is_ordered);
    } else {
      using Element = detail::element_t<Range>;
      std::vector<Element> copied;
      for (auto&& item : items) copied.push_back(std::forward<decltype(item)>(item));
      return fork_map<F, std::vector<Element>>(std::move(function), std::move(copied), options, is_ordered);
    }
  }

  template <class F, class Held>
  auto fork_map(F&& function, Held&& items, const TaskOptions& given, bool is_ordered) {
    using Function = std::decay_t<F>;
    using Input = detail::LazyInput<Function, Held>;
    using Called = decltype(std::invoke(function, *std::begin(items)));
    using Result = typename detail::ResultOf<Called>::type;
    const std::size_t count = std::size(items);
    const std::shared_ptr<Input> input(new Input{std::forward<F>(function), std::forward<Held>(items)});
    detail::StateCode code;
    code.forked.run = &detail::run_lazy_call<Function, Held>;
    code.context = input.get();
    input->pool.emplace(code, options_for(count));
    latest_ = input->pool->core();
    const TaskOptions& options = input->pool->task_options(given);
    detail::JobHandle job(*input->pool, {}, options, {.is_ordered = is_ordered});
    return ResultsView<Result>(
        detail::ResultsReader(std::move(job), std::make_unique<detail::IndexSource>(count), options, count, input));
  }

  /// The options, with no more workers than elements.
  COPROC_API PoolOptions options_for(std::size_t elements) const;

  PoolOptions options_;
  std::shared_ptr<detail::PoolCore> latest_;  // null before the first call
};

}  // namespace coproc::inline v0
