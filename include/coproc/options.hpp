// The options of sends, links and workers: aggregates with defaults, to be written with designated initialisers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coproc/limits.hpp"
#include "coproc/machine.hpp"
#include "coproc/priority.hpp"
#include "coproc/sandbox.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

/// The options of a send.
struct SendOptions {
  /// How long the send may wait for space. After that it throws TimeoutError, and nothing was sent.
  Timeout timeout = kForever;
  /// The priority of the message. Without it, a `priority` member of the payload is the priority.
  std::optional<Priority> priority = {};
};
inline constexpr SendOptions kDefaultSendOptions{};

/// The limits of a link, which are checked before anything is allocated, and the way in which both of its ends wait.
struct LinkOptions {
  /// The size of the ring of each direction: a power of two from 4 KiB to 1 GiB.
  std::size_t ring_bytes = 64 * 1024;
  /// The largest payload that either side may send, including the loans in it. The send of a larger one throws
  /// MessageTooLargeError.
  std::size_t max_message_bytes = std::size_t{1} << 30;
  /// The bytes, including loans, that a messenger keeps in its inbox. When the inbox is full the messenger takes in
  /// nothing more, so that the sender has to wait.
  std::size_t max_queued_bytes = std::size_t{1} << 30;
  /// The longest time for which a wait spins before it sleeps. A messenger spins for less, or not at all, if spinning
  /// did not help before. With zero it always sleeps at once; docs/performance.md says when that is better. Most
  /// programs should keep the default.
  Timeout spin = std::chrono::microseconds(50);
  /// The bytes that each direction can lend at once (`Messenger::loan`): up to 16 TiB, rounded up to a power of two, at
  /// least 64 KiB. 0 stands for the smallest of 4 GiB, the memory of the machine, and a 32nd of RLIMIT_AS. It is
  /// address space: only pages that are written take memory. There is less, or none, if RLIMIT_FSIZE does not allow so
  /// much. An end that cannot map the memory gets copies of loans. Most programs should keep the default.
  std::size_t loan_bytes = 0;
  /// Whether the elements of strings, vectors and similar containers are lent if they take 64 KiB or more, instead of
  /// being copied through the ring. This happens as long as no more than max_queued_bytes are lent in all.
  bool automatic_loans = true;
};

/// How long `stop()` waits after each of its steps (close request, SIGTERM, SIGKILL) before it takes the next one. With
/// zero the next step follows at once; with kForever there is no next step.
struct StopOptions {
  Timeout close = std::chrono::seconds(5);
  Timeout terminate = std::chrono::seconds(2);
  /// After this time stop() gives up and returns NotYetEnded. A process in an uninterruptible sleep does not end by
  /// SIGKILL.
  Timeout kill = std::chrono::seconds(10);
};

/// The way in which a worker process is started (docs/starting.md).
enum class StartMethod {
  /// Chooses `fork_server` if all arguments can be sent and the target is a function, a class, or a callable object
  /// that has no captures or can be sent; or `spawn` if there can be no fork server. For other targets and arguments it
  /// chooses `fork`, which is refused if this process has other threads.
  automatic,
  /// A fork of a small process with one thread, in which this program was executed once more. Global variables are as
  /// before main.
  fork_server,
  /// A copy of this process, which can have any target and arguments. Locks that other threads hold stay locked in it
  /// for ever.
  fork,
  /// This program, executed anew for each worker.
  spawn,
  /// Another program, which calls `coproc::this_worker::run`. Targets of type `Executable` use this method.
  executable,
};

/// The stream is the same as the host's.
struct Inherit {};
/// The stream is /dev/null.
struct DevNull {};
/// The stream is a duplicate of a descriptor of the host, which the host keeps owning.
struct FileDescriptor {
  int fd;
};
/// The stream is written to a file, which is created if it does not exist.
struct OutputFile {
  std::string path;
  bool append = true;
};
/// What a worker's stdin, stdout or stderr is.
using Stdio = std::variant<Inherit, DevNull, FileDescriptor, OutputFile>;

struct WorkerOptions {
  StartMethod method = StartMethod::automatic;
  /// The name of the worker in errors; its first 15 bytes are the name of the process. Empty stands for "worker".
  std::string name = {};
  /// The options of `stop()` without arguments, and of the destructor.
  StopOptions stop = {};
  LinkOptions link = {};
  /// How long `start()` waits until the worker's process is ready. After that it throws StartError.
  Timeout start_timeout = std::chrono::seconds(10);
  /// Descriptors that the worker has, besides 0, 1 and 2, under the same numbers as the host.
  std::vector<int> keep_fds = {};
  /// Whether a worker that is started by `fork` keeps the other descriptors of the host. Workers by other methods never
  /// do, and no worker keeps descriptors of another worker's link.
  bool inherit_fds = true;
  /// Variables that are set in the worker's environment, or, with nullopt, removed from it. All others are those of the
  /// host.
  std::map<std::string, std::optional<std::string>> env = {};
  /// The working directory of the worker. Empty stands for that of the host.
  std::string working_directory = {};
  Stdio stdin_ = Inherit{};
  Stdio stdout_ = Inherit{};
  Stdio stderr_ = Inherit{};
  /// Whether the processes that the worker has started end with it. Then the worker leads a process group of its own,
  /// and when the host notices the worker's end, it kills all processes that are still in that group. A worker with a
  /// group of its own is not in the foreground of a terminal and cannot read from it.
  bool kill_descendants = false;
  /// Whether the worker's stderr goes to the host, which keeps the last 4 KiB for ExitStatus::stderr_tail and prints
  /// nothing of it. Requires that `stderr_` is Inherit. A worker that prints more than 1 MiB (less if the system grants
  /// less) while its host makes no call waits until the next call.
  bool capture_stderr = false;
  /// Whether SIGTERM, SIGHUP and SIGQUIT end the worker even if they do not come from its host. By default they do not:
  /// signals that are sent to a whole group (by `timeout`, systemd, or a terminal that is closed) are left to the host,
  /// which ends its workers when it has finished (docs/ending.md).
  bool heed_signals_of_others = false;
  /// Whether a worker that crashes (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT), or that the system ends for what it may
  /// not do (SIGSYS, SIGXCPU, SIGXFSZ), reports its stack, for ExitStatus::stack.
  /// Handlers that are already installed for these signals are left alone.
  bool report_crashes = true;
  /// The result of `this_worker::number()` in the worker. Without it, that is the number of workers that this process
  /// has started before. In a pool it is always the worker's place, whatever is given here.
  std::optional<std::uint64_t> number = {};
  /// If this is set, `this_worker::seed()` follows from it and from the worker's number, so that results can be
  /// reproduced. Without it, each start has another seed.
  std::optional<std::uint64_t> seed = {};
  /// The machine on which the worker runs; without it, this one. docs/machines.md says which other options work there,
  /// and what is promised.
  std::optional<Machine> machine = {};
  /// What the worker may still do once its target runs (docs/sandbox.md). Without it the worker may do whatever its
  /// user may. With it a worker by `fork` has no descriptors of the host but `keep_fds`, whatever `inherit_fds` says,
  /// and StartMethod::automatic does not fork, since that brings the host's memory along. `LinkOptions::loan_bytes` of
  /// 0 stands for `limits.memory` or 256 MiB, if that is less than usual. If the system cannot enforce it, `start()`
  /// throws StartError with the stage "sandbox".
  std::optional<Sandbox> sandbox = {};
  /// What the worker may use, with and without a sandbox.
  Limits limits = {};
  /// The directory of a control group in which this process may make groups, such as one that systemd has delegated to
  /// its service (`Delegate=yes`). The worker is put into a group of its own there, which is removed when it has ended.
  /// `limits.memory` and `limits.processes` then hold for the worker and the processes that it starts together, and
  /// `ExitStatus::limit` says whether their memory was the reason of its end (docs/sandbox.md). Empty: it stays in its
  /// host's group.
  /// If the group cannot be made, or has no controller for a limit that is set, `start()` throws StartError with the
  /// stage "sandbox". Not for workers on other machines.
  std::string control_group = {};
  /// How many of the events that were last (messages, waits, and each Span) the worker keeps where its host finds them
  /// after any end, for ExitStatus::last_events; the host keeps as many of its own, for a Trace. Rounded up to a power
  /// of two, at least 16 and at most 1,048,576; each takes 32 bytes. 0: nothing is noted, and nothing is paid for it,
  /// unless there is a Trace when the worker is started. Workers on other machines keep none.
  std::size_t events = 0;
};

}  // namespace coproc::inline v0
