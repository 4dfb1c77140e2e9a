#include "coproc/restart.hpp"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace coproc::inline v0 {

std::string Restart::describe() const {
  std::string text =
      "restart " + std::to_string(number) + ": worker " + std::to_string(pid_before) + " " + status.describe();
  if (unanswered != 0) {
    text += ", and left " + std::to_string(unanswered) + (unanswered == 1 ? " request" : " requests") + " unanswered";
  }
  char after[32];
  std::snprintf(after, sizeof after, " after %.3f s", std::chrono::duration<double>(delay).count());
  return text + (pid != 0 ? "; worker " + std::to_string(pid) + " took its place" + after
                          : "; another start failed" + std::string(after) + ": " + start_error);
}

RestartLimitError::RestartLimitError(const std::string& text, std::vector<ExitStatus> statuses)
    : WorkerIsDeadError(text), statuses_(std::move(statuses)) {}
RestartLimitError::~RestartLimitError() = default;

}  // namespace coproc::inline v0
