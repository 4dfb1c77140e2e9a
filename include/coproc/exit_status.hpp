// How a worker ended.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <variant>

#include "coproc/export.hpp"

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
/// The kernel could not tell any more: the program has itself waited for the child, or ignores SIGCHLD.
struct UnknownEnd {
  bool operator==(const UnknownEnd&) const = default;
};
/// SIGKILL was sent, and the process did not end in the time given (uninterruptible sleep).
struct NotYetEnded {
  bool operator==(const NotYetEnded&) const = default;
};

/// The rung of the stop ladder that ended a worker.
enum class StopRung { none, close_request, terminate, kill };

/// The processor time and memory that a worker used, as the kernel counted it.
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
};

}  // namespace coproc::inline v0
