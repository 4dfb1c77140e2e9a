// The recent ends of workers, for the error that tells that there were too many.
//
// Thread safety: none; for the thread that drives.
// Invariants: oldest first.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "coproc/exit_status.hpp"
#include "coproc/restart.hpp"

namespace coproc::inline v0::supervise {

class PastEnds {
 public:
  /// Ends that are longer ago than `within` are forgotten when the next one is added.
  explicit PastEnds(std::chrono::nanoseconds within) : within_(within) {}

  void add(std::int64_t now, ExitStatus status, std::string text) {
    while (!ends_.empty() && now - ends_.front().at > within_.count()) ends_.pop_front();
    ends_.push_back({now, std::move(status), std::move(text)});
  }
  void clear() noexcept { ends_.clear(); }

  /// `who` was started again `most` times, which is all that `whose` options allow.
  RestartLimitError error(const std::string& who, std::size_t most, const char* whose) const {
    std::string text = who + " started again " + std::to_string(most) + " times within " +
                       std::to_string(std::chrono::duration<double>(within_).count()) + " s, as often as " + whose +
                       " allow, and not any more: remove the cause, and call start(). The ends, the last one behind:";
    std::vector<ExitStatus> statuses;
    for (const PastEnd& end : ends_) {
      text += "\n    " + end.text;
      statuses.push_back(end.status);
    }
    return {text, std::move(statuses)};
  }

 private:
  struct PastEnd {
    std::int64_t at;
    ExitStatus status;
    std::string text;
  };
  std::chrono::nanoseconds within_;
  std::deque<PastEnd> ends_;
};

}  // namespace coproc::inline v0::supervise
