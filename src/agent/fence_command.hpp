// The command that ends for certain what runs on a lost machine (Launcher::fence), as the near agent runs it.
//
// Thread safety: one thread at a time.
// Invariants: it tells once what has come of it, at the latest kToBeKilled after its time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "os/clock.hpp"
#include "os/pipe.hpp"
#include "process/child.hpp"

namespace coproc::inline v0::agent {

class FenceCommand {
 public:
  struct Outcome {
    bool has_succeeded = false;  // it exited with code 0
    std::string text;            // for MachineLost::why
  };
  /// How long it may take to die once it was killed.
  static constexpr std::chrono::seconds kToBeKilled{2};

  /// Executes the command, in a process group of its own. It may run for `time`. That it cannot be executed is an
  /// outcome, too.
  FenceCommand(const std::vector<std::string>& command, std::chrono::nanoseconds time);

  /// For POLLIN: readable when it has ended, and when it has printed something. -1: there is nothing to wait for.
  int wait_fd() const noexcept { return child_ ? child_.wait_fd() : -1; }
  int output_fd() const noexcept { return output_.read_end ? output_.read_end.get() : -1; }
  /// When to look again, whatever happens.
  std::chrono::nanoseconds look_in() const noexcept;
  /// Reads what it has printed, and ends it when its time is over. Returns what has come of it, once; nullopt: nothing
  /// yet.
  std::optional<Outcome> look();
  bool has_told() const noexcept { return has_told_; }

 private:
  void read_output();
  std::string quoted_output() const;
  std::optional<Outcome> tell(bool has_succeeded, std::string text);

  const std::chrono::nanoseconds time_;
  os::Pipe output_;
  process::Child child_;  // none: it could not be executed
  os::Deadline until_;
  bool was_killed_ = false;
  bool has_told_ = false;
  std::string printed_;  // the last of it
  std::string failure_;  // why it could not be executed
};

}  // namespace coproc::inline v0::agent
