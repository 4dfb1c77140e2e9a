#include "coproc/exit_status.hpp"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "coproc/detail/foreign_text.hpp"
#include "values/frame_text.hpp"

namespace coproc::inline v0 {

namespace {

std::string signal_name(int signal) {
  if (const char* name = ::sigabbrev_np(signal)) return "SIG" + std::string(name);
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) return "SIGRTMIN+" + std::to_string(signal - SIGRTMIN);
  return "signal " + std::to_string(signal);
}

/// The usual reason why the system or the worker itself sends this signal, as far as the signal alone tells.
const char* reason_of(int signal) {
  switch (signal) {
    case SIGKILL:
      return ", which coproc did not send (perhaps the out-of-memory killer)";
    case SIGXCPU:
      return " (a limit on its time on processors: RLIMIT_CPU, or RLIMIT_RTTIME)";
    case SIGXFSZ:
      return " (a file would have become larger than RLIMIT_FSIZE allows)";
    case SIGSYS:
      return " (a system call that a seccomp filter does not allow)";
    case SIGPIPE:
      return " (it wrote into a pipe or socket that nobody reads any more)";
    default:
      return "";
  }
}

/// "socket(2, 1, 0, ...), which Sandbox::allow("socket") would allow". Large numbers are addresses, or -1 and the like.
std::string text_of(const Violation& violation) {
  std::string arguments;
  for (const std::uint64_t argument : violation.arguments) {
    char text[24];
    std::snprintf(text, sizeof text, argument < 65536 ? "%llu" : "0x%llx", static_cast<unsigned long long>(argument));
    arguments += (arguments.empty() ? "" : ", ") + std::string(text);
  }
  const std::string call = detail::in_one_line(violation.call);
  return call + "(" + arguments + "), which Sandbox::allow(\"" + call + "\") would allow";
}

const char* words_of(Fence fence) {
  switch (fence) {
    case Fence::confirmed:
      return "; it has ended";
    case Fence::by_lease:
      return "; the agent there has ended it, unless it was kept from running";
    case Fence::no:
      break;
  }
  return "; it may still run there";
}

/// Whether this frame only leads to the call that waits: it is one of the C or C++ library, or of coproc.
bool is_of_library(const std::string& frame) {
  const std::string_view text = detail::without_number(frame);
  const std::size_t in_module = text.rfind(" (");
  const std::string_view function = text.substr(0, text.find('('));
  if (function.find("coproc::v0::") != std::string_view::npos || function.starts_with("coproc_")) return true;
  const std::string_view module = in_module == std::string_view::npos ? text : text.substr(in_module + 2);
  constexpr std::string_view kLibraries[] = {"libc.", "libc-", "libm.", "libpthread", "libstdc++", "libcoproc", "ld-"};
  return std::ranges::any_of(kLibraries, [&](std::string_view name) { return module.starts_with(name); });
}

std::string text_of(std::chrono::nanoseconds time) {
  char text[32];
  const auto seconds = std::chrono::duration<double>(time).count();
  std::snprintf(text, sizeof text, seconds < 1 ? "%.3f s" : "%.1f s", seconds);
  return text;
}

/// "a request had been in hand for 30.0 s; it was blocked in futex, in wait_for_lock() + 0x1b (indexer+0x1639b)"
std::string text_of(const Hang& hang, const std::vector<std::string>& stack) {
  std::string text;
  switch (hang.why) {
    case Hang::Why::unread:
      text = "it had not read what was there for it for " + text_of(hang.time);
      break;
    case Hang::Why::reply:
      text = "a request had been in hand for " + text_of(hang.time);
      break;
    case Hang::Why::beat:
      text = "it had not called beat() for " + text_of(hang.time);
      break;
  }
  if (!hang.note.empty()) text += ", its last beat being \"" + detail::in_one_line(hang.note) + "\"";
  std::string where = hang.doing.empty() ? "" : "it was " + detail::in_one_line(hang.doing);
  if (!stack.empty()) {
    const auto own = std::ranges::find_if_not(stack, is_of_library);
    where += where.empty() ? "it was in " : ", in ";
    where += detail::in_one_line(detail::without_number(own == stack.end() ? stack[0] : *own), 500);
  }
  return where.empty() ? text : text + "; " + where;
}

struct Describe {
  const ExitStatus& status;

  std::string operator()(const UnknownEnd&) const {
    return "ended in a way that is not known: this program has itself waited for it, or ignores SIGCHLD, or a debugger "
           "has not let go of it";
  }
  std::string operator()(const Exited& end) const { return "exited with code " + std::to_string(end.code); }
  std::string operator()(const Signalled& end) const {
    std::string text = "was killed by " + signal_name(end.signal);
    if (end.core_dumped) text += " (core dumped)";
    if (status.violation) return "was ended by its sandbox: it called " + text_of(*status.violation);
    const bool is_ours = status.stopped_by == StopRung::terminate || status.stopped_by == StopRung::kill;
    if (is_ours) return status.hung ? text : text + ", which coproc sent to stop it";
    if (status.limit == "memory") {
      return text +
             ", which coproc did not send (it seems the out-of-memory killer, which has ended a process of its "
             "control group meanwhile)";
    }
    if (status.limit == "memory.max") {
      return text +
             ", which the system sent since the worker and the processes that it had started needed more memory than "
             "their control group may have (memory.max)";
    }
    if (!status.limit.empty()) {
      return text + ", which the system sent since its time on processors reached the limit (" + status.limit + ")";
    }
    return text + reason_of(end.signal);
  }
  std::string operator()(const NotYetEnded& end) const {
    if (end.refused) {
      return "has not ended, and the system does not let this process signal it, since one of the two has other rights "
             "by now: who has its rights, or root, can end it";
    }
    return "has not ended although coproc sent SIGKILL (perhaps it is in a system call that cannot be interrupted, or "
           "a debugger holds it)";
  }
  std::string operator()(const MachineLost& end) const {
    return "was lost with the connection to its machine (" + detail::in_one_line(end.machine, 200) +
           "): " + detail::in_one_line(end.why, 2000) + words_of(end.fence) + ", and what it sent last may be missing";
  }
};

std::string seconds(std::chrono::microseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", static_cast<double>(time.count()) / 1e6);
  return text;
}

constexpr std::string_view kDeep = "      ", kBlock = "    ";

std::string list_ids(const std::vector<RequestId>& ids) {
  constexpr std::size_t kMost = 10;
  std::string text = std::to_string(ids.size()) + " (";
  for (std::size_t i = 0; i < ids.size() && i < kMost; ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(static_cast<std::uint64_t>(ids[i]));
  }
  return text + (ids.size() > kMost ? ", ...)" : ")");
}

/// The last five, oldest first.
std::string list_events(const std::vector<WorkerEvent>& events) {
  constexpr std::size_t kMost = 5;
  const std::size_t shown = std::min(events.size(), kMost);
  std::string text =
      shown == 1 ? "\n  the last that it did:" : "\n  the last " + std::to_string(shown) + " that it did:";
  for (std::size_t i = events.size() - shown; i < events.size(); ++i) {
    text += '\n' + std::string(kBlock) + detail::in_one_line(events[i].describe()) + " (" +
            text_of(events[i].before_end) + " before the end was noticed)";
  }
  return text;
}

/// Returns `block` with each line indented more than the heading, so that it cannot be taken for a line of ours.
std::string indented(std::string_view block) {
  return '\n' + std::string(kBlock) + detail::in_lines(block, kBlock, 16384);
}

}  // namespace

std::string ExitStatus::report() const {
  std::string text = describe();
  if (resources.peak_memory_kib != 0) {
    text += "\n  processor time: " + seconds(resources.user_time) + " user, " + seconds(resources.system_time) +
            " system; peak memory: " + std::to_string(resources.peak_memory_kib) + " KiB";
  }
  if (!start_note.empty()) text += "\n  started by spawn:" + indented(start_note);
  if (!unanswered.empty()) text += "\n  unanswered requests: " + list_ids(unanswered);
  if (!stack.empty()) text += "\n  stack:";
  for (const std::string& line : stack) text += '\n' + std::string(kBlock) + detail::in_one_line(line, 2000);
  if (!last_events.empty()) text += list_events(last_events);
  if (!stderr_tail.empty()) text += "\n  the last that it printed to stderr:" + indented(stderr_tail);
  return text;
}

std::string ExitStatus::describe() const {
  std::string text = std::visit(Describe{*this}, end);
  if (hung) text += (signalled() ? " since " : "; coproc ended it since ") + text_of(*hung, stack);
  if (!exception_text.empty()) text += " after " + detail::in_lines(exception_text, kDeep);
  return text;
}

}  // namespace coproc::inline v0
