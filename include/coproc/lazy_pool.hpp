// A pool whose workers are forked at the call, so that it can run anything on anything.
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

/// What the forked workers inherit: the function and the elements, at the same addresses.
template <class F, class Held>
struct LazyInput {
  F function;
  Held items;
  std::optional<PoolHandle> pool = {};  // last: its workers go first
};

template <class F, class Held>
void run_lazy_call(TaskRun& run) {
  const auto index = coproc::decode<std::uint64_t>(run.arguments);
  run.is_decoded = true;
  if (run.is_skipped) return;
  // This is the worker's own copy.
  auto& input = *static_cast<LazyInput<F, Held>*>(const_cast<void*>(run.context));
  auto&& item = *std::next(std::begin(input.items), static_cast<std::ptrdiff_t>(index));
  using Called = decltype(std::invoke(input.function, item));
  reply_with<Called>(run, [&]() -> Called { return std::invoke(input.function, item); });
}

/// The places of the elements.
class COPROC_API IndexSource final : public TaskSource {
 public:
  explicit IndexSource(std::size_t count) noexcept : count_(count) {}
  bool pull(std::vector<TaskPtr>& into, std::size_t calls, std::size_t stretch) override;

 private:
  std::size_t next_ = 0;
  std::size_t count_;
};

}  // namespace detail

/// Workers that are forked at each call, and so know everything that the host knew then: the function may be any closure, and the
/// elements need no codec. Only places go to the workers, and results, which have to be such that can be sent, come back.
///
///     coproc::LazyPool pool;
///     const Model model = ...;
///     std::vector<double> scores = pool.map([&](const Candidate& c) { return model.score(c); }, candidates);
///
/// As any fork it is refused where this process has other threads (StartError); `PoolOptions::worker.method` may ask for
/// StartMethod::fork by name. What a function changes is changed in its worker only.
///
/// Thread safety: one thread at a time.
class LazyPool {
 public:
  /// Throws InvalidArgumentError for options that cannot work: there is no `background`.
  COPROC_API explicit LazyPool(PoolOptions options = {});

  /// The function's results for each element, in their order. A range without random access is copied first.
  template <class F, class Range>
  auto map(F function, Range&& items, std::optional<TaskOptions> options = {}) {
    return start_map(std::move(function), std::forward<Range>(items), options.value_or(options_.tasks), true);
  }
  /// The same in the order in which they come.
  template <class F, class Range>
  auto map_unordered(F function, Range&& items, std::optional<TaskOptions> options = {}) {
    return start_map(std::move(function), std::forward<Range>(items), options.value_or(options_.tasks), false);
  }

  /// Of the latest call.
  COPROC_API PoolInsights insights() const;
  /// Any thread, or a signal handler: the wait of the latest call, or else its next one, throws InterruptedError.
  COPROC_API void interrupt() noexcept;

 private:
  template <class F, class Range>
  auto start_map(F function, Range&& items, TaskOptions options, bool is_ordered) {
    if constexpr (std::random_access_iterator<decltype(std::begin(items))> && requires { std::size(items); }) {
      return fork_map<F, Range>(std::move(function), std::forward<Range>(items), std::move(options), is_ordered);
    } else {
      using Element = detail::element_t<Range>;
      std::vector<Element> copied;
      for (auto&& item : items) copied.push_back(std::forward<decltype(item)>(item));
      return fork_map<F, std::vector<Element>>(std::move(function), std::move(copied), std::move(options), is_ordered);
    }
  }

  template <class F, class Held>
  auto fork_map(F&& function, Held&& items, TaskOptions options, bool is_ordered) {
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
    detail::JobHandle job(*input->pool, {}, options, {.is_ordered = is_ordered});
    return ResultsView<Result>(detail::ResultsReader(std::move(job), std::make_unique<detail::IndexSource>(count),
                                                     std::move(options), count, input));
  }

  /// No more workers than elements.
  COPROC_API PoolOptions options_for(std::size_t elements) const;

  PoolOptions options_;
  std::shared_ptr<detail::PoolCore> latest_;  // null: nothing was called yet
};

}  // namespace coproc::inline v0
