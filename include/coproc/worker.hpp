// A worker process: its life, whatever it runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coproc/decoder.hpp"
#include "coproc/detail/travel.hpp"
#include "coproc/encoder.hpp"
#include "coproc/executable.hpp"
#include "coproc/exit_status.hpp"
#include "coproc/export.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"

namespace coproc::inline v0 {

class LinkEnd;

namespace detail {

/// What a start request brings to a worker that is no fork of its host.
struct ReceivedArguments {
  Decoder& decoder;
  void (*function)();               // of a function target
  std::span<Messenger> messengers;  // those that are not taken yet
};

struct WorkerAccess;

/// What to run in a worker, without its types.
struct StartPlan {
  // In a fork of this process.
  void (*run)(void* context, Messenger& messenger) = nullptr;
  void* context = nullptr;
  /// Messengers among the start arguments: the worker keeps them, the host gives them up.
  std::span<Messenger* const> handed_over = {};

  // In a new process, where `run_received` is found by name.
  void (*run_received)(Messenger& messenger, ReceivedArguments& arguments) = nullptr;
  void (*function)() = nullptr;
  void (*encode)(Encoder& encoder, const void* context) = nullptr;
  /// Why `run_received` is null.
  std::string_view obstacle = {};

  // In another program.
  const Executable* executable = nullptr;
  std::span<const TypeInfo* const> argument_types = {};
};

}  // namespace detail

/// A process that is started, talked to and ended by its host. Move-only; the destructor stops it (close request, SIGTERM,
/// SIGKILL, with the times of `WorkerOptions::stop`) and reaps it. On a worker that has ended, stop, join, terminate and
/// kill do nothing; on one that never started they throw WorkerIsAlreadyDeadError.
///
/// While they wait, stop, join and the destructor keep moving the worker's messages into the inbox, so that a worker which
/// is blocked in a send can end; these messages stay receivable until the next start.
///
/// Thread safety: `stop`, `join`, `join_for`, `terminate`, `kill`, `is_alive`, `pid`, `start_note` and `exit_status` from
/// any thread; all else from the thread that uses the messenger.
class COPROC_API Worker {
 public:
  /// Ends the worker and tells how it ended: a close request, then SIGTERM, then SIGKILL, each when the one before has not
  /// helped in its time. Takes at most the sum of these times; where not even SIGKILL has helped (uninterruptible sleep) the
  /// status is NotYetEnded.
  ExitStatus stop();
  ExitStatus stop(StopOptions options);
  /// Waits for the worker to end by itself.
  ExitStatus join();
  /// Lets the worker end after what it was sent: Messenger::send_end, then the wait for its end, at most for this time in all. A worker
  /// that is alive by then is stopped, as by stop().
  ExitStatus finish(Timeout timeout = kForever);
  /// The same for at most this time; nullopt: it is still alive.
  std::optional<ExitStatus> join_for(Timeout timeout);
  /// Sends SIGTERM (and SIGCONT, so that a stopped process can act on it), and does not wait.
  void terminate();
  /// Sends SIGKILL, and does not wait.
  void kill();

  bool is_alive() const noexcept;
  /// Of the running worker, or of the last one.
  int pid() const;
  /// Of the running worker, or of the last one: why it was started by `spawn`, where `StartMethod::automatic` would have had the
  /// fork server. Empty: it was not, or there is none.
  std::string start_note() const;
  /// How the last one ended; nullopt: it is alive, or never started.
  std::optional<ExitStatus> exit_status() const;

  /// `stop` for many at once: each rung is taken by all of them before any is waited for, so that all together take as long as
  /// one may. The statuses are in the order of the workers; of one that never started it is UnknownEnd.
  static std::vector<ExitStatus> stop_all(std::span<Worker* const> workers, const StopOptions& options);

 protected:
  struct State;
  Worker(WorkerOptions options, std::shared_ptr<Messenger> messenger, bool reorders);
  Worker(Worker&& other) noexcept;
  Worker& operator=(Worker&& other) noexcept;
  ~Worker();

  void start(const detail::StartPlan& plan);
  LinkEnd new_link();
  void adopt(int pid, std::function<std::optional<ExitStatus>()> ask);
  Messenger& messenger() const;

  template <class M>
  static std::shared_ptr<Messenger> make_messenger() {
    return std::shared_ptr<Messenger>(new M());
  }

  /// In a worker that is no fork of its host: the next start argument.
  template <class A>
  static detail::received_t<A> take_argument(detail::ReceivedArguments& from) {
    if constexpr (detail::kIsMessenger<A>) {
      A messenger;
      static_cast<Messenger&>(messenger) = std::move(from.messengers.front());
      from.messengers = from.messengers.subspan(1);
      return messenger;
    } else {
      return decode<wire_t<A>>(from.decoder);
    }
  }

 private:
  friend struct detail::WorkerAccess;
  State& state() const;
  void refuse_if_alive() const;
  std::shared_ptr<State> state_;
};

}  // namespace coproc::inline v0
