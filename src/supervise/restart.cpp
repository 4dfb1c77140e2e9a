#include "coproc/restart.hpp"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "coproc/detail/foreign_text.hpp"

namespace coproc::inline v0 {

std::string Restart::describe() const {
  std::string text = "restart " + std::to_string(number) + ": worker " + std::to_string(pid_before) + " ";
  if (reason == RestartReason::another_end) text += "was stopped because of another one, and ";
  if (reason == RestartReason::recycled) text += "has made place, and ";
  text += status.describe();
  if (unanswered != 0) {
    text += ", and left " + std::to_string(unanswered) + (unanswered == 1 ? " request" : " requests") + " unanswered";
    if (resent != 0)
      text += resent == unanswered ? ", sent again" : ", " + std::to_string(resent) + " of them sent again";
  }
  char after[32];
  std::snprintf(after, sizeof after, " after %.3f s", std::chrono::duration<double>(delay).count());
  text += pid != 0 ? "; worker " + std::to_string(pid) + " took its place" + after
                   : "; another start failed" + std::string(after) + ": " + start_error;
  if (state_bytes && pid != 0) text += ", with a state of " + std::to_string(*state_bytes) + " bytes";
  if (state_dropped) text += ", without the state by which workers have ended";
  return text;
}

RequestAttemptsError::RequestAttemptsError(const std::string& name, int pid, std::vector<ExitStatus> statuses)
    : WorkerDiedError(name, pid, statuses.back()), statuses_(std::move(statuses)) {
  text_ = "worker " + std::to_string(pid) + " (" + detail::in_one_line(name) + ") " + statuses_.back().describe() +
          ", and had this request in hand; it was the last of " + std::to_string(statuses_.size()) +
          " attempts, as many as RestartOptions allow, so that the request is not sent again:";
  for (const ExitStatus& status : statuses_) text_ += "\n    it " + status.describe();
}
RequestAttemptsError::~RequestAttemptsError() = default;

RestartLimitError::RestartLimitError(const std::string& text, std::vector<ExitStatus> statuses)
    : WorkerIsDeadError(text), statuses_(std::move(statuses)) {}
RestartLimitError::~RestartLimitError() = default;

}  // namespace coproc::inline v0
