// The launcher's process, as its parent, the near agent, holds it.
//
// Thread safety: one thread at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "coproc/exit_status.hpp"
#include "os/clock.hpp"
#include "os/pipe.hpp"
#include "process/child.hpp"

namespace coproc::inline v0::agent {

class Launcher {
 public:
  /// Executes the command, in a process group of its own. Throws std::system_error, process::StartReport if there is no
  /// such program.
  explicit Launcher(const std::vector<std::string>& command);

  /// The ends of its stdin and stdout, to be taken once.
  os::Fd take_input() noexcept { return std::move(input_.write_end); }
  os::Fd take_output() noexcept { return std::move(output_.read_end); }
  const os::Fd& error_output() const noexcept { return errors_.read_end; }
  /// Nothing more can come from its stderr.
  void close_error_output() noexcept { errors_.read_end.reset(); }
  /// For POLLIN: readable when it has ended.
  int wait_fd() const noexcept { return child_.wait_fd(); }

  /// Call when its stdin has been closed: from now on look() gives it some time to end by itself, and then ends it. If
  /// something went wrong, what is left of its group is ended, too.
  void begin_end(bool has_failed) noexcept;
  bool is_ending() const noexcept { return until_.has_value(); }
  /// Does not wait for it to end by itself.
  void hurry() noexcept;
  /// It is ended without delay.
  void kill_at_once();
  /// Returns how it ended; nullopt: it lives.
  std::optional<ExitStatus> look();
  /// When to look again.
  std::chrono::nanoseconds look_in() const noexcept;
  /// Whether it was sent a signal to end it.
  bool was_signalled() const noexcept { return signals_ != 0; }

 private:
  os::Pipe input_, output_, errors_;
  process::Child child_;
  std::optional<os::Deadline> until_;  // the next step
  int signals_ = 0;                    // how many steps were taken
};

}  // namespace coproc::inline v0::agent
