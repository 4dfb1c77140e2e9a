// A command that is run under observation: it waits before its first instruction until it may go on.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "os/fd.hpp"
#include "os/pidfd.hpp"

namespace command {

class Running {
 public:
  /// Makes the process. From then on this process ignores SIGINT and SIGQUIT, which a terminal sends to both, and
  /// passes SIGTERM and SIGHUP on. Throws std::system_error.
  explicit Running(const std::vector<std::string>& words);
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running();

  pid_t pid() const noexcept { return pid_; }
  /// Lets it execute the command. Returns 0, or the exit code of a shell for one that cannot be executed, which is said
  /// on stderr.
  int go_on();
  bool has_ended() const noexcept { return pidfd_.is_ended(); }
  /// Until it has ended or a signal was passed on, but not for longer than this.
  void wait(std::chrono::nanoseconds longest) const;
  /// Reaps it. REQUIRES: has_ended().
  int exit_code();

 private:
  pid_t pid_ = -1;
  coproc::os::Pidfd pidfd_;
  coproc::os::Fd gate_;   // it goes on when a byte comes, and ends when this is closed
  coproc::os::Fd error_;  // says why the command could not be executed
  std::string name_;
};

}  // namespace command
