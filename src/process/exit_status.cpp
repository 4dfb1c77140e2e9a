#include "coproc/exit_status.hpp"

#include <signal.h>
#include <string.h>

#include <string>

namespace coproc::inline v0 {

namespace {

std::string signal_name(int signal) {
  if (const char* name = ::sigabbrev_np(signal)) return "SIG" + std::string(name);
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) return "SIGRTMIN+" + std::to_string(signal - SIGRTMIN);
  return "signal " + std::to_string(signal);
}

struct Describe {
  const ExitStatus& status;

  std::string operator()(const UnknownEnd&) const {
    return "ended in a way that is not known: this program has itself waited for it, or ignores SIGCHLD";
  }
  std::string operator()(const Exited& end) const { return "exited with code " + std::to_string(end.code); }
  std::string operator()(const Signalled& end) const {
    std::string text = "was killed by " + signal_name(end.signal);
    if (end.core_dumped) text += " (core dumped)";
    const bool is_ours = status.stopped_by == StopRung::terminate || status.stopped_by == StopRung::kill;
    if (is_ours) return text + ", which coproc sent to stop it";
    if (end.signal == SIGKILL) return text + ", which coproc did not send (perhaps the out-of-memory killer)";
    return text;
  }
  std::string operator()(const StartFailed& end) const {
    std::string text = "could not be started: " + end.stage + " failed";
    if (end.error_number == 0) return text;
    const char* reason = ::strerrordesc_np(end.error_number);
    return text + ": " + (reason != nullptr ? reason : "error " + std::to_string(end.error_number));
  }
  std::string operator()(const NotYetEnded&) const {
    return "has not ended although coproc sent SIGKILL (perhaps it is in a system call that cannot be interrupted)";
  }
};

}  // namespace

std::string ExitStatus::describe() const {
  std::string text = std::visit(Describe{*this}, end);
  if (!exception_text.empty()) text += " after " + exception_text;
  return text;
}

}  // namespace coproc::inline v0
