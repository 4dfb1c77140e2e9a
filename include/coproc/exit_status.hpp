// How a worker ended.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coproc/export.hpp"
#include "coproc/request_id.hpp"

namespace coproc::inline v0 {

/// It returned, threw, or called exit().
struct Exited {
  int code;
  bool operator==(const Exited&) const = default;
};
/// A signal ended it; `core_dumped` as the kernel reports it.
struct Signalled {
  int signal;
  bool core_dumped = false;
  bool operator==(const Signalled&) const = default;
};
/// It never came to run the target.
struct StartFailed {
  std::string stage;
  int error_number;
  bool operator==(const StartFailed&) const = default;
};
/// The kernel could not tell any more, or not yet: the program has itself waited for the child, or ignores SIGCHLD (before
/// Linux 6.15), or a debugger has not let go of it.
struct UnknownEnd {
  bool operator==(const UnknownEnd&) const = default;
};
/// SIGKILL was sent, and the process did not end in the time given (uninterruptible sleep, or a debugger holds it); or, where
/// `refused`, the system does not let this process signal it, since one of the two has other rights by now.
struct NotYetEnded {
  bool refused = false;
  bool operator==(const NotYetEnded&) const = default;
};

/// The rung of the stop ladder that ended a worker.
enum class StopRung { none, close_request, terminate, kill };

/// The processor time and memory that a worker used, as the kernel counted it. All zero where the program has itself waited
/// for the worker, or ignores SIGCHLD: then the kernel does not tell.
struct ResourceUse {
  std::chrono::microseconds user_time{0};
  std::chrono::microseconds system_time{0};
  long peak_memory_kib = 0;
};

/// How a worker ended. The first cause wins.
struct ExitStatus {
  std::variant<UnknownEnd, Exited, Signalled, StartFailed, NotYetEnded> end;
  /// The rung of `stop()`, `terminate()` or `kill()` that ended it, if one did.
  StopRung stopped_by = StopRung::none;
  /// The exception that left the target, if one did (also where a receive has thrown it already), and its description.
  std::exception_ptr exception = nullptr;
  std::string exception_text = {};
  ResourceUse resources = {};
  /// The requests of this end whose reply had not come when it ended, in the order of their sends.
  std::vector<RequestId> unanswered = {};
  /// Where it was when a signal ended it, innermost call first. Empty: not known.
  std::vector<std::string> stack = {};
  /// Why it was started by `spawn`, where `StartMethod::automatic` would have had the fork server; empty: it was not.
  std::string start_note = {};
  /// The last 4 KiB that it printed to its stderr, with `WorkerOptions::capture_stderr`.
  std::string stderr_tail = {};
  /// The resource limit that ended it by SIGKILL ("RLIMIT_CPU"), where that is known.
  std::string limit = {};

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
  /// Exit code 0.
  bool success() const noexcept { return code() == 0; }
  /// "exited with code 1 after std::runtime_error: ...", "was killed by SIGSEGV", ...
  COPROC_API std::string describe() const;
  /// describe(), and everything else that is known, in lines: time and memory, unanswered requests, stack, stderr.
  COPROC_API std::string report() const;
};

}  // namespace coproc::inline v0
