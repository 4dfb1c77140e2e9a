// How a worker ended.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coproc/export.hpp"
#include "coproc/request_id.hpp"
#include "coproc/worker_event.hpp"

namespace coproc::inline v0 {

/// The worker returned, threw an exception, or called exit().
struct Exited {
  int code;
  bool operator==(const Exited&) const = default;
};
/// A signal ended the worker. `core_dumped` is as the kernel reports it.
struct Signalled {
  int signal;
  bool core_dumped = false;
  bool operator==(const Signalled&) const = default;
};
/// The kernel does not know how the worker ended, or not yet: the program itself has waited for the child, or ignores
/// SIGCHLD (before Linux 6.15), or a debugger still holds the process.
struct UnknownEnd {
  bool operator==(const UnknownEnd&) const = default;
};
/// SIGKILL was sent and the process did not end in the time given, because it is in an uninterruptible sleep or a
/// debugger holds it. Or, if `refused` is set, the system does not let this process signal the worker, since one of the
/// two has other rights by now.
struct NotYetEnded {
  bool refused = false;
  bool operator==(const NotYetEnded&) const = default;
};

/// Whether a worker whose machine was lost can still be running.
enum class Fence {
  confirmed,  // it has ended for certain
  by_lease,   // the agent there must have ended it by now, and has, unless somebody kept the agent from running
  no,         // it may run on: coproc has ended it as far as it could reach it
};
/// The connection to the worker's machine ended before the worker's end and everything that it had sent had arrived.
/// What had arrived was delivered; the rest is lost.
struct MachineLost {
  std::string machine;  // as Machine::name() gives it
  std::string why;
  Fence fence = Fence::no;
  bool operator==(const MachineLost&) const = default;
};

/// The step of `stop()` that ended a worker.
enum class StopRung { none, close_request, terminate, kill };

/// The processor time and the memory that a worker used, as the kernel counted them. All are zero if the program itself
/// has waited for the worker or ignores SIGCHLD, since the kernel does not report them then.
struct ResourceUse {
  std::chrono::microseconds user_time{0};
  std::chrono::microseconds system_time{0};
  long peak_memory_kib = 0;
};

/// A system call that a worker's sandbox does not allow.
struct Violation {
  /// The kernel's name of the call, as `Sandbox::allow` takes it.
  std::string call;
  std::array<std::uint64_t, 6> arguments{};
  bool operator==(const Violation&) const = default;
};

/// Why a supervised worker was taken for hung and ended (docs/supervision.md).
struct Hang {
  enum class Why {
    unread,  // there was something to read, and it had read nothing for so long
    reply,   // a request had been in hand for so long
    beat,    // it had not called this_worker::beat() for so long
  };
  Why why = Why::reply;
  std::chrono::nanoseconds time{0};
  /// What its first thread did then, as far as the system tells: "running", "blocked in futex", "sleeping".
  /// `ExitStatus::stack` is where.
  std::string doing = {};
  /// The note of its last beat, as the worker gave it.
  std::string note = {};
  bool operator==(const Hang&) const = default;
};

/// How a worker ended, and everything else that is known about its end. If there were several causes, the first one
/// counts.
struct ExitStatus {
  std::variant<UnknownEnd, Exited, Signalled, NotYetEnded, MachineLost> end;
  /// The step of `stop()`, or the call of `terminate()` or `kill()`, that ended the worker, if one did.
  StopRung stopped_by = StopRung::none;
  /// The exception that left the target, if one did, even if a receive has thrown it already; and its description.
  std::exception_ptr exception = nullptr;
  std::string exception_text = {};
  ResourceUse resources = {};
  /// The requests of this end that had no reply when the worker ended, in the order of their sends.
  std::vector<RequestId> unanswered = {};
  /// The stack of the worker when a signal ended it, or when it hung, innermost call first. Empty if it is not known.
  std::vector<std::string> stack = {};
  /// Why the worker was started by `spawn`, although `StartMethod::automatic` prefers the fork server. Empty if it was
  /// not.
  std::string start_note = {};
  /// The last 4 KiB that the worker printed to its stderr, with `WorkerOptions::capture_stderr`.
  std::string stderr_tail = {};
  /// What ended it by SIGKILL, if known: "RLIMIT_CPU", "memory.max" (that of WorkerOptions::control_group), or "memory"
  /// (docs/ending.md says how sure that is).
  std::string limit = {};
  /// The system call for which its sandbox ended the worker by SIGSYS, as the worker reported it (with
  /// `WorkerOptions::report_crashes`). `stack` says where it was made.
  std::optional<Violation> violation = {};
  /// Why it was ended, if that was since it hung. `stack` is then that of its first thread.
  std::optional<Hang> hung = {};
  /// What the worker did last, in the order in which it did it, with `WorkerOptions::events`. It is there however the
  /// worker ended, after SIGKILL, too.
  std::vector<WorkerEvent> last_events = {};

  bool exited() const noexcept { return std::holds_alternative<Exited>(end); }
  bool signalled() const noexcept { return std::holds_alternative<Signalled>(end); }
  std::optional<int> code() const noexcept {
    const auto* e = std::get_if<Exited>(&end);
    return e ? std::optional<int>(e->code) : std::nullopt;
  }
  std::optional<int> signal() const noexcept {
    const auto* s = std::get_if<Signalled>(&end);
    return s ? std::optional<int>(s->signal) : std::nullopt;
  }
  /// Whether the worker ended with exit code 0.
  bool success() const noexcept { return code() == 0; }
  /// One line, such as "exited with code 1 after std::runtime_error: ..." or "was killed by SIGSEGV".
  COPROC_API std::string describe() const;
  /// `describe()` and, in further lines, everything else that is known: time and memory, unanswered requests, stack,
  /// stderr, and the last five events.
  COPROC_API std::string report() const;
};

}  // namespace coproc::inline v0
