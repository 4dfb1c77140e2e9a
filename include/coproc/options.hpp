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

#include "coproc/priority.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

/// `timeout`: how long the send may wait for space, then TimeoutError and nothing was sent.
/// `priority`: overrides the payload's `priority` member.
struct SendOptions {
  Timeout timeout = kForever;
  std::optional<Priority> priority = {};
};

/// One link: its limits, all checked before anything is allocated, and how both of its ends wait.
struct LinkOptions {
  /// Each direction's ring: a power of two from 4 KiB to 1 GiB.
  std::size_t ring_bytes = 64 * 1024;
  /// The largest payload that either side may send, loans in it included. Larger ones throw MessageTooLargeError at the send.
  std::size_t max_message_bytes = std::size_t{1} << 30;
  /// What a messenger keeps in its inbox, loans included, before it stops draining and so pushes back on the sender.
  std::size_t max_queued_bytes = std::size_t{1} << 30;
  /// How long a wait looks again and again before it sleeps, at most: it learns to do so for less, or not at all, where that
  /// does not help. Zero: it always sleeps at once (docs/performance.md says when that is better).
  Timeout spin = std::chrono::microseconds(50);
  /// The memory that each direction can lend at once (`Messenger::loan`), up to 16 TiB; rounded up to a power of two, 64 KiB
  /// at least. 0: 4 GiB, or as much as the machine has memory, or a 32nd of RLIMIT_AS, where that is less. It is address space:
  /// only what is written takes memory. Where RLIMIT_FSIZE does not allow so much there is less, or none; and an end that cannot map it has what it is
  /// lent copied.
  std::size_t loan_bytes = 0;
  /// Whether the elements of strings, vectors and the like that take 64 KiB or more are lent by themselves, as far as no
  /// more than max_queued_bytes are lent in all, instead of being copied through the ring.
  bool automatic_loans = true;
};

/// How long `stop()` waits after each rung before it takes the next: close request, SIGTERM, SIGKILL. Zero: it acts and goes on
/// at once. kForever: there is no next one.
struct StopOptions {
  Timeout close = std::chrono::seconds(5);
  Timeout terminate = std::chrono::seconds(2);
  /// Then stop() gives up, with NotYetEnded: a process in uninterruptible sleep does not die of SIGKILL.
  Timeout kill = std::chrono::seconds(10);
};

/// How a worker process comes to be (docs/starting.md).
enum class StartMethod {
  /// `fork_server` where the target is a function, a class or a callable object without captures (or one that can be
  /// sent) and all arguments can be sent, or `spawn` where no fork server can be had; else `fork`, which is refused where this
  /// process has other threads.
  automatic,
  /// From a small process with one thread, which is this program executed once more: global variables are as before main.
  fork_server,
  /// A copy of this process, with any target and argument. What other threads hold locked stays locked in it for ever.
  fork,
  /// This program executed anew for each worker.
  spawn,
  /// Another program, which calls `coproc::this_worker::run`: what a target of type `Executable` means.
  executable,
};

/// Where a worker's stdin, stdout or stderr leads.
struct Inherit {};  ///< to where the host's leads
struct DevNull {};  ///< nowhere: reads find the end, writes vanish
struct FileDescriptor {
  int fd;
};  ///< to a descriptor of the host, which stays the host's
struct OutputFile {
  std::string path;
  bool append = true;
};  ///< to a file, made when it is missing
using Stdio = std::variant<Inherit, DevNull, FileDescriptor, OutputFile>;

struct WorkerOptions {
  StartMethod method = StartMethod::automatic;
  /// Shown in errors, and as the process's name (its first 15 bytes). Empty: "worker".
  std::string name = {};
  /// What `stop()` without arguments and the destructor use.
  StopOptions stop = {};
  LinkOptions link = {};
  /// From the start call to the worker's first sign of life; then StartError.
  Timeout start_timeout = std::chrono::seconds(10);
  /// Descriptors that the worker has, at the same numbers, besides 0, 1 and 2.
  std::vector<int> keep_fds = {};
  /// Whether a worker by `fork` keeps the host's other descriptors, too; others never do. Links of other workers are never
  /// kept.
  bool inherit_fds = true;
  /// Set (or, with nullopt, removed) in the worker's environment, which otherwise is the host's.
  std::map<std::string, std::optional<std::string>> env = {};
  /// The worker's working directory; empty: the host's.
  std::string working_directory = {};
  Stdio stdin_ = Inherit{};
  Stdio stdout_ = Inherit{};
  Stdio stderr_ = Inherit{};
  /// The worker leads a process group of its own, and however it ends: what it has started and what has not left that group
  /// is killed when the host sees its end. (Not in the foreground of a terminal any more, it cannot read from that.)
  bool kill_descendants = false;
  /// The worker's stderr goes to the host, which keeps the last 4 KiB for ExitStatus::stderr_tail, and shows nothing of it.
  /// Not together with another `stderr_` than Inherit. A worker that prints more than 1 MiB (less where the system grants
  /// less) while its host makes no call waits until the next one.
  bool capture_stderr = false;
  /// Whether SIGTERM, SIGHUP and SIGQUIT end the worker also where they do not come from its host. By default they do not: what
  /// is sent to a whole group (by `timeout`, systemd, a terminal that is closed) is for the host to act upon, which ends its
  /// workers when it has finished (docs/ending.md).
  bool heed_signals_of_others = false;
  /// Whether a worker that crashes (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) tells where, for ExitStatus::stack. Handlers of
  /// these signals that are there already are left alone.
  bool report_crashes = true;
  /// `this_worker::number()` in the worker; none: how many workers this process has started before it. In a pool it is the
  /// worker's place, whatever is given here.
  std::optional<std::uint64_t> number = {};
  /// `this_worker::seed()` follows from this and the number, for results that can be had again; none: it is another one for
  /// each start.
  std::optional<std::uint64_t> seed = {};
};

}  // namespace coproc::inline v0
