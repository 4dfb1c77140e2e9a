// A worker that is started again when it ends.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/detail/target.hpp"
#include "coproc/executable.hpp"
#include "coproc/exit_status.hpp"
#include "coproc/export.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "coproc/restart.hpp"
#include "coproc/thread_stack.hpp"
#include "coproc/timeout.hpp"
#include "coproc/worker.hpp"
#include "coproc/worker_resource.hpp"

namespace coproc::inline v0 {

namespace detail {

/// The part of a Supervised that does not depend on its target. The worker and the messenger must outlive it.
class COPROC_API Supervision {
 public:
  Supervision(Worker& worker, Messenger& messenger, std::string name, RestartOptions options);
  Supervision(Supervision&&) noexcept;
  Supervision& operator=(Supervision&&) noexcept;
  ~Supervision();

  /// Calls `start`, which starts the worker, and keeps it for the restarts.
  void start(std::function<void()> start);
  /// Returns when no restart is under way. None will follow until the next start.
  void make_final();
  /// See Supervised::look.
  std::chrono::nanoseconds look();
  /// Whether the worker was told to make place for another one, and was not found to have ended yet. For the thread
  /// that uses the messenger.
  bool makes_place() const noexcept;
  std::vector<Restart> history() const;

  class State;
  State& state() const;
  [[noreturn]] static void throw_moved_from();

 private:
  std::shared_ptr<State> state_;
};

/// The type in which a start argument is kept: text may lie in memory that is gone at a restart.
template <class A>
using kept_t =
    std::conditional_t<std::is_convertible_v<const std::decay_t<A>&, std::string_view>, std::string, std::decay_t<A>>;

}  // namespace detail

class Supervisor;

/// A worker that is started again when it ends, with the same arguments and behind the same messenger.
///
///     coproc::Supervised indexer{&index, {.name = "indexer"}, {.most = 10}};
///     indexer.start("/data", 4);
///     indexer.messenger().send_request("fox");
///
/// No thread watches it. Whoever waits drives: the call of the messenger that finds the worker dead first returns all
/// that the worker had sent, then waits for the backoff, starts another worker, and throws WorkerDiedError once. The
/// next call is one to the new worker. What a worker saves (`Messenger::save`), the next one gets
/// (`this_worker::restored`). docs/supervision.md says what becomes of each message, which calls drive, and what is not
/// done.
///
/// Thread safety: that of Worker. In particular any thread may call `stop`, which also ends the wait for a backoff.
template <class Target, class M = detail::target_messenger_t<Target>>
class Supervised {
  using Resource = WorkerResource<Target, M>;

 public:
  /// Throws InvalidArgumentError for options that cannot work.
  explicit Supervised(Target target, WorkerOptions options = {}, RestartOptions restarts = {})
    requires(!detail::ClassTarget<Target, M>)
      : Supervised(options.name, std::move(restarts), std::move(target), options) {}
  explicit Supervised(std::in_place_t = std::in_place, WorkerOptions options = {}, RestartOptions restarts = {})
    requires detail::ClassTarget<Target, M>
      : Supervised(options.name, std::move(restarts), std::in_place, options) {}
  Supervised(Supervised&&) noexcept = default;
  Supervised& operator=(Supervised&& other) noexcept {
    if (this == &other) return *this;
    supervision_ = std::move(other.supervision_);  // so that nothing restarts what the next line stops
    worker_ = std::move(other.worker_);
    return *this;
  }
  /// Stops the worker, like the destructor of a WorkerResource.
  ~Supervised() = default;

  /// Starts the worker, like WorkerResource::start, and keeps the arguments for its restarts, so that they must be
  /// copyable. The limits of restarts and the delays begin anew; `history` and the numbers of restarts go on. Throws
  /// what WorkerResource::start throws; then nothing is started again.
  template <class... A>
  void start(A&&... arguments) {
    if constexpr (!std::same_as<Target, Executable>) detail::check_startable<Target, M, A...>();
    constexpr bool kAreCopyable = (std::copy_constructible<detail::kept_t<A>> && ...);
    static_assert(kAreCopyable,
                  "coproc: the start arguments of a Supervised are copied for each restart: give values that can be "
                  "copied, and send messengers of pairs and the like in on_restart");
    if constexpr (kAreCopyable) {
      supervision_.start(
          [worker = worker_.get(), kept = std::tuple<detail::kept_t<A>...>(std::forward<A>(arguments)...)] {
            std::apply([&](const auto&... each) { worker->start(each...); }, kept);
          });
    }
  }

  /// The messenger of the present worker. It is the same object for the whole life of this Supervised.
  M& messenger() { return resource().messenger(); }

  /// Ends the worker like Worker::stop, and it is not started again. If another thread waits for a backoff, that wait
  /// ends at once; if it starts a worker, this waits for the start.
  ExitStatus stop() {
    supervision_.make_final();
    return resource().stop();
  }
  ExitStatus stop(StopOptions options) {
    supervision_.make_final();
    return resource().stop(options);
  }
  /// Lets the worker receive everything and end, like Worker::finish, and it is not started again.
  ExitStatus finish(Timeout timeout = kForever) {
    supervision_.make_final();
    return resource().finish(timeout);
  }
  /// Sends SIGKILL, and does not wait. The next call that drives starts another worker.
  void kill() { resource().kill(); }

  /// Does once what a call of the messenger does that waits, for programs that wait elsewhere: looks at the worker's
  /// health, ends it if it hangs, and starts another worker if that is due. Returns when to call it again: the time to
  /// the next look or start, or nanoseconds::max() without RestartOptions::health: an end, or a worker that has to make
  /// place, is then found by whichever call is next. Throws like a send, once for each end of a worker. For the thread
  /// that uses the messenger.
  std::chrono::nanoseconds look() { return supervision_.look(); }

  bool is_alive() const noexcept { return worker_ != nullptr && worker_->is_alive(); }
  /// The pid of the present worker, or of the last one.
  int pid() const { return resource().pid(); }
  /// How the last worker ended; nullopt if it is alive, or none was started.
  std::optional<ExitStatus> exit_status() const { return resource().exit_status(); }
  /// Where each thread of the worker is: see Worker::stack.
  std::vector<ThreadStack> stack(Timeout timeout = std::chrono::milliseconds(200)) { return resource().stack(timeout); }
  /// The last 32 restarts, oldest first. Any thread may call it.
  std::vector<Restart> history() const { return supervision_.history(); }

 private:
  template <class First>
  Supervised(std::string name, RestartOptions restarts, First&& first, WorkerOptions& options)
      : worker_(std::make_unique<Resource>(std::forward<First>(first), std::move(options))),
        supervision_(*worker_, worker_->messenger(), std::move(name), std::move(restarts)) {}

  friend class Supervisor;

  Resource& resource() const {
    if (worker_ == nullptr) detail::Supervision::throw_moved_from();
    return *worker_;
  }

  std::unique_ptr<Resource> worker_;  // a restart refers to it, so that it must not move
  detail::Supervision supervision_;   // goes before the worker, which then is not started again when it is stopped
};

template <class F>
Supervised(F, WorkerOptions = {}, RestartOptions = {}) -> Supervised<F>;

}  // namespace coproc::inline v0
