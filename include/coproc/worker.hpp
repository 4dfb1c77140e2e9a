// A worker process: how it is ended and waited for, whatever it runs.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coproc/confinement.hpp"
#include "coproc/decoder.hpp"
#include "coproc/detail/travel.hpp"
#include "coproc/encoder.hpp"
#include "coproc/executable.hpp"
#include "coproc/exit_status.hpp"
#include "coproc/export.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "coproc/thread_stack.hpp"

namespace coproc::inline v0 {

class LinkEnd;

namespace detail {

/// The contents of a start request, in a worker that is no fork of its host.
struct ReceivedArguments {
  Decoder& decoder;
  void (*function)();               // the target, if it is a function
  std::span<Messenger> messengers;  // the messengers that were not taken yet
};

struct WorkerAccess;

/// The target and the arguments of a start, without their types.
struct StartPlan {
  // For a fork of this process:
  void (*run)(void* context, Messenger& messenger) = nullptr;
  void* context = nullptr;
  /// The messengers among the start arguments. The worker keeps them, and the host gives them up.
  std::span<Messenger* const> handed_over = {};

  // For a new process, which finds `run_received` by its name:
  void (*run_received)(Messenger& messenger, ReceivedArguments& arguments) = nullptr;
  void (*function)() = nullptr;
  void (*encode)(Encoder& encoder, const void* context) = nullptr;
  /// The reason why `run_received` is null.
  std::string_view obstacle = {};

  // For another program:
  const Executable* executable = nullptr;
  std::span<const TypeInfo* const> argument_types = {};
};

}  // namespace detail

/// A process that its host starts, talks to, and ends. Move-only. The destructor stops the process, by a close request,
/// SIGTERM and SIGKILL with the times of `WorkerOptions::stop`, and reaps it. If the worker has ended, stop, join,
/// terminate and kill do nothing; if it was never started, they throw NoLinkError.
///
/// While stop, join and the destructor wait, they move the messages of the worker into the inbox, so that a worker that
/// is blocked in a send can end. These messages stay receivable until the next start.
///
/// Thread safety: any thread may call `stop`, `join`, `join_for`, `terminate`, `kill`, `is_alive`, `pid`, `start_note`,
/// `confinement`, `stack` and `exit_status`. All other calls belong to the thread that uses the messenger.
///
/// While a start is under way that start_async() has asked for, the calls above are about the worker before it.
class COPROC_API Worker {
 public:
  /// Ends the worker and returns how it ended. It sends a close request, then SIGTERM, then SIGKILL, each one if the
  /// step before has not ended the worker in its time. This takes at most the sum of these times. If not even SIGKILL
  /// has ended the worker, as in an uninterruptible sleep, the status is NotYetEnded.
  ExitStatus stop();
  ExitStatus stop(StopOptions options);
  /// Waits until the worker ends by itself.
  ExitStatus join();
  /// Waits until the worker ends by itself, at most for this time; nullopt if it is still alive.
  std::optional<ExitStatus> join_for(Timeout timeout);
  /// Lets the worker receive everything that it was sent and then end: calls Messenger::send_end and waits for the end
  /// of the worker, at most for this time in all. A worker that is still alive after that is stopped as by stop().
  ExitStatus finish(Timeout timeout = kForever);
  /// Sends SIGTERM (and SIGCONT, so that a stopped process can act on it), and does not wait.
  void terminate();
  /// Sends SIGKILL, and does not wait.
  void kill();

  /// Goes on with the start that start_async() has asked for, waits for it at most this time, and returns whether it is
  /// over, so that the worker runs (or no start was under way). With a time of zero it does what can be done now.
  /// Throws StartError like a start; if a coroutine awaits the start, that is resumed by this call, and the error is
  /// thrown there.
  bool await_start(Timeout timeout = kForever);
  /// A descriptor for event loops, which is readable when await_start() can go on. It is valid until await_start()
  /// returns true or throws, the start is given up, or the worker is destroyed. Throws InvalidArgumentError if no start
  /// is under way, and SystemLimitError.
  int start_handle();
  /// Gives up the start that is under way, if there is one: its process is ended, and a coroutine that awaits it is
  /// resumed with a CancelledError. The next start and the destructor do the same.
  void cancel_start();

  bool is_alive() const noexcept;
  /// The pid of the running worker, or of the last one.
  int pid() const;
  /// Why the running worker, or the last one, was started by `spawn`, although `StartMethod::automatic` prefers the
  /// fork server. Empty if it was not, or if there was no worker.
  std::string start_note() const;
  /// What the system enforces of `WorkerOptions::sandbox` and `limits` in the running worker, or in the last one.
  Confinement confinement() const;
  /// Where each thread of the worker is, while it lives and goes on: what a worker that hangs is waiting for. A signal
  /// handler of the worker writes that down, in some 50 us for each thread; the calls that it interrupts go on, but for
  /// those that no handler leaves alone (signal(7): `poll`, `nanosleep`, ...), which fail with EINTR. Threads that
  /// cannot be asked, or have not answered after `timeout` in all, say so (ThreadStack::note). Then names are searched
  /// for, as for `ExitStatus::stack`. The signal is `SIGRTMAX - 2`. Throws InvalidArgumentError for a worker on another
  /// machine, WorkerDiedError if the worker has ended.
  std::vector<ThreadStack> stack(Timeout timeout = std::chrono::milliseconds(200));
  /// How the last worker ended; nullopt if it is alive, or none was started.
  std::optional<ExitStatus> exit_status() const;

  /// Stops many workers at once. Each step is taken for all of them before it waits for any, so that all together take
  /// no longer than one may. The statuses are in the order of the workers. The status of a worker that was never
  /// started is UnknownEnd.
  static std::vector<ExitStatus> stop_all(std::span<Worker* const> workers, const StopOptions& options);

 protected:
  struct State;
  Worker(WorkerOptions options, std::shared_ptr<Messenger> messenger, bool reorders);
  Worker(Worker&& other) noexcept;
  Worker& operator=(Worker&& other) noexcept;
  ~Worker();

  void start(const detail::StartPlan& plan);
  void start_async(const detail::StartPlan& plan);
  LinkEnd new_link();
  void adopt(int pid, std::function<std::optional<ExitStatus>()> ask);
  Messenger& messenger() const;

  template <class M>
  static std::shared_ptr<Messenger> make_messenger() {
    return std::shared_ptr<Messenger>(new M());
  }

  /// Takes the next start argument, in a worker that is no fork of its host.
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
  friend class Starting;
  State& state() const;
  /// REQUIRES: a start is under way.
  void when_started(std::function<void(std::exception_ptr)> function);
  void refuse_if_alive() const;
  void start_on_machine(const detail::StartPlan& plan);
  std::shared_ptr<State> state_;
};

}  // namespace coproc::inline v0
