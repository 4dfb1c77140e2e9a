// The program behind a bridge: its process, and its three streams as pipes that do not wait.
//
// Thread safety: one thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.hpp"

namespace command {

class BridgedProgram {
 public:
  /// Starts it. It ends by SIGKILL when this process ends, and Ctrl-C is left to the host. Throws std::runtime_error if
  /// it cannot be executed, std::system_error.
  explicit BridgedProgram(const std::vector<std::string>& words);
  BridgedProgram(const BridgedProgram&) = delete;
  BridgedProgram& operator=(const BridgedProgram&) = delete;
  /// Kills it, if it has not been reaped.
  ~BridgedProgram();

  const std::string& name() const noexcept { return name_; }
  int input() const noexcept { return input_.get(); }  // -1: closed
  int output() const noexcept { return output_.get(); }
  int complaints() const noexcept { return complaints_.get(); }

  /// Writes what there is room for and returns how much that was. Closes the stream if nobody reads it any more.
  std::size_t write(std::string_view bytes);
  void close_input() noexcept { input_.reset(); }
  /// Appends what it has printed to `to`, at most `most` bytes. Returns whether that was anything; closes the stream at
  /// its end.
  bool read_output(std::string& to, std::size_t most) { return read(output_, to, most); }
  /// Passes on to this process's stderr what it has printed to its own, and keeps the end of it.
  bool read_complaints();
  const std::string& last_complaints() const noexcept { return last_complaints_; }

  /// SIGCHLD tells when to ask. (A worker in a box may have no pidfds.)
  bool has_ended() const noexcept;
  void signal(int number) noexcept;
  /// Reaps it. REQUIRES: has_ended(). The status is that of waitpid().
  int reap();

 private:
  static bool read(coproc::os::Fd& from, std::string& to, std::size_t most);

  std::string name_;
  std::string last_complaints_;
  pid_t pid_ = -1;
  coproc::os::Fd input_;
  coproc::os::Fd output_;
  coproc::os::Fd complaints_;
};

}  // namespace command
