// A pool of workers that run tasks.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/detail/task.hpp"
#include "coproc/detail/task_call.hpp"
#include "coproc/error_payload.hpp"
#include "coproc/pool_insights.hpp"
#include "coproc/pool_options.hpp"
#include "coproc/results_view.hpp"
#include "coproc/task.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

namespace detail {

struct NoExit {};

template <class State, class Init>
void* make_state(Decoder& decoder, void (*function)()) {
  auto init = decode_callable<Init>(decoder, function);
  decoder.finish();
  if constexpr (std::is_void_v<State>) {
    init();
    return nullptr;
  } else {
    return new State(init());
  }
}

template <class State, class Exit>
void unmake_state(void* state, Decoder& decoder, void (*function)()) {
  if constexpr (std::is_void_v<State>) {
    if constexpr (!std::same_as<Exit, NoExit>) decode_callable<Exit>(decoder, function)();
  } else {
    const std::unique_ptr<State> owned(static_cast<State*>(state));
    if constexpr (!std::same_as<Exit, NoExit>) {
      auto exit = decode_callable<Exit>(decoder, function);
      if constexpr (std::invocable<Exit&, State&>) {
        exit(*owned);
      } else {
        exit();
      }
    }
  }
}

template <class F>
using pool_state_t = std::invoke_result_t<F&>;

}  // namespace detail

/// Workers that run tasks. A task is a call of a function, of a lambda without captures, or of a callable object that
/// can be sent; its arguments and its result must be of types that can be sent.
///
///     coproc::Pool pool;                                                       // one worker for each processor
///     std::vector<int> squares = pool.map([](int x) { return x * x; }, numbers);
///     coproc::Task<Image> small = pool.submit(&resize, image, 640);
///
/// An init function runs in each worker before its first task. Its result is the state of that worker: a task whose
/// first parameter takes the state gets it by reference. The exit function and the destructor of the state run when the
/// worker is asked to end.
///
///     coproc::Pool pool{[] { return Database("/srv/db"); }, {.workers = 8}};
///     for (Row& row : pool.map_unordered([](Database& db, int id) { return db.find(id); }, ids)) ...
///
/// The pool has no thread of its own: a thread that waits for a result hands out tasks and takes in results, for all
/// users of the pool. Between such calls the workers go on with the tasks that they have (`PoolOptions::window`,
/// `PoolOptions::background`).
///
/// A worker that dies is replaced. The task that it ran fails with WorkerDiedError, unless `TaskOptions::max_retries`
/// lets it run again; other tasks are not affected. If workers die again and again before they run anything, all
/// waiting tasks fail with PoolBrokenError, and the next call starts workers again.
///
/// Thread safety: all calls may be made by several threads at once, except that the destructor and `stop` must not
/// overlap with other calls. The thread that reads the results of a map also reads its input and decodes the results.
///
/// A process that is forked from this one can do nothing with its copy: every call throws NotOwnerError, but for `stop`
/// and the destructors, which do nothing.
template <class State = void>
class Pool {
 public:
  /// Starts the workers. Throws StartError, InvalidArgumentError for options that cannot work.
  explicit Pool(PoolOptions options = {})
    requires std::is_void_v<State>
      : handle_({}, std::move(options)) {}
  template <class Init>
    requires std::same_as<State, detail::pool_state_t<Init>>
  explicit Pool(Init init, PoolOptions options = {}) : Pool(std::move(init), detail::NoExit(), std::move(options)) {}
  template <class Init, class Exit>
    requires std::same_as<State, detail::pool_state_t<Init>>
  Pool(Init init, Exit exit, PoolOptions options = {}) : handle_(code_of(init, exit), std::move(options)) {}
  Pool(Pool&&) noexcept = default;
  Pool& operator=(Pool&&) noexcept = default;
  /// Ends the workers like `stop`.
  ~Pool() = default;

  /// Calls the function with each element of an input range, and returns the results in the order of the input. The
  /// range may be endless, since it is read only as far ahead as the workers need. Without `options` those of
  /// `PoolOptions::tasks` apply. See ResultsView.
  template <class F, class Range>
    requires requires(Range& range) { std::begin(range) != std::end(range); }
  auto map(const F& function, Range&& items, const TaskOptions& options = detail::kTasksOfPool) {
    return start_map(std::decay_t<const F>(function), std::forward<Range>(items), options, true);
  }

  /// The same, but the results are in the order in which they arrive; `Iterator::index` is the index of a result's
  /// argument.
  template <class F, class Range>
    requires requires(Range& range) { std::begin(range) != std::end(range); }
  auto map_unordered(const F& function, Range&& items, const TaskOptions& options = detail::kTasksOfPool) {
    return start_map(std::decay_t<const F>(function), std::forward<Range>(items), options, false);
  }

  /// Hands over one call and returns. The arguments are copied or moved, as by std::async. Like the policy of
  /// std::async the options come first, since all arguments behind the function are those of the call.
  template <class F, class... A>
    requires(!std::same_as<std::decay_t<F>, TaskOptions>)
  auto submit(const F& function, A&&... arguments) {
    return submit(detail::kTasksOfPool, function, std::forward<A>(arguments)...);
  }
  template <class F, class... A>
  auto submit(const TaskOptions& options, const F& function, A&&... arguments) {
    using Function = std::decay_t<const F>;
    const Function kept = function;
    detail::JobHandle job(handle_, detail::task_code<Function, State, std::decay_t<A>...>(kept),
                          handle_.task_options(options), {.is_submitted = true});
    std::vector<detail::TaskPtr> tasks;
    tasks.push_back(std::make_unique<detail::Call<Function, std::decay_t<A>...>>(
        detail::shared_callable<Function>(kept), std::forward<A>(arguments)...));
    job.add(std::move(tasks));
    job.end_input();
    using Called = detail::called_t<Function, State, std::decay_t<A>...>;
    using Result = std::conditional_t<std::is_void_v<Called>, void, typename detail::ResultOf<Called>::type>;
    return Task<Result>(std::move(job));
  }

  /// The number of workers.
  std::size_t size() const { return handle_.size(); }
  /// The number of tasks that were handed over and have not ended.
  std::size_t pending() const { return handle_.pending(); }
  /// Waits until every submitted task has ended, at most for this time, and returns whether all have ended.
  bool wait(Timeout timeout = kForever) { return handle_.wait(timeout); }
  /// Makes the present wait, or else the next one, throw InterruptedError. May be called by any thread and by signal
  /// handlers.
  void interrupt() noexcept { handle_.interrupt(); }

  /// A descriptor for poll, epoll or Asio, so that the program's own event loop drives the pool: call `poll` when it is
  /// readable. It becomes readable when an answer of a worker or its end has arrived, when a time limit, a start or
  /// another step is due, and when any other call has taken in a result. It stays readable until `poll` was called. The
  /// first call makes it, and it costs a few descriptors more for each worker. The pool keeps owning it. Throws
  /// InvalidArgumentError with `PoolOptions::background`, whose thread does all that a loop would be woken for, and
  /// SystemLimitError.
  int native_handle() { return handle_.native_handle(); }
  /// Drives the pool for one round, and does not wait for tasks: takes in the results and the ends of workers that have
  /// arrived, and hands out tasks. If a worker has to be replaced, it starts one, and takes as long as this start.
  /// Afterwards `Task::is_done` says for each task whether it has ended. Does not throw the errors of tasks, and is not
  /// interrupted.
  void poll() { handle_.poll(); }

  /// Ends the workers. Idle workers are asked to close, so that their exit functions run; workers in the middle of a
  /// task get SIGTERM at once; and workers that take longer than `PoolOptions::worker.stop` get SIGKILL. Tasks that
  /// have not ended are cancelled.
  void stop() { handle_.stop(); }

  PoolInsights insights() const { return handle_.insights(); }
  /// The processes of the present workers.
  std::vector<int> pids() const { return handle_.pids(); }

 private:
  template <class Init, class Exit>
  static detail::StateCode code_of(const Init& init, const Exit& exit) {
    detail::check_task_function<Init>();
    detail::StateCode code;
    code.make = &detail::make_state<State, Init>;
    code.unmake = &detail::unmake_state<State, Exit>;
    code.init_function = detail::function_of(init);
    code.encode_init = &detail::encode_callable<Init>;
    code.init = &init;
    if constexpr (!std::same_as<Exit, detail::NoExit>) {
      detail::check_task_function<Exit>();
      code.exit_function = detail::function_of(exit);
      code.encode_exit = &detail::encode_callable<Exit>;
      code.exit = &exit;
    }
    return code;
  }

  template <class F, class Range>
  auto start_map(const F& function, Range&& items, const TaskOptions& given, bool is_ordered) {
    using Source = detail::RangeSource<F, Range>;
    using Element = detail::element_t<Range>;
    const auto total = detail::size_if_known(items);
    const TaskOptions& options = handle_.task_options(given);
    detail::JobHandle job(handle_, detail::task_code<F, State, Element>(function), options, {.is_ordered = is_ordered});
    return ResultsView<detail::task_result_t<F, State, Element>>(detail::ResultsReader(
        std::move(job), std::make_unique<Source>(function, std::forward<Range>(items)), options, total));
  }

  detail::PoolHandle handle_;
};

Pool(PoolOptions) -> Pool<void>;
Pool() -> Pool<void>;
template <class Init>
Pool(Init, PoolOptions = {}) -> Pool<detail::pool_state_t<Init>>;
template <class Init, class Exit>
Pool(Init, Exit, PoolOptions = {}) -> Pool<detail::pool_state_t<Init>>;

}  // namespace coproc::inline v0
