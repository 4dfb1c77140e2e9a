// The execution of a program in a fork of this process, which learns from a pipe why it could not be executed.
#pragma once

#include <string>
#include <vector>

namespace command {

/// The words of a command as execvp(2) wants them.
class Words {
 public:
  explicit Words(const std::vector<std::string>& words);
  char* const* pointers() const noexcept { return pointers_.data(); }

 private:
  std::vector<std::string> copies_;
  std::vector<char*> pointers_;
};

/// In the fork: executes the command. If that fails, writes errno to `failure`, which is closed on exec, and exits as a
/// shell would. Makes only calls that a fork of a process with threads may make.
[[noreturn]] void execute(char* const* words, int failure) noexcept;
/// In this process: waits for the command to begin, and returns 0, or the errno that the fork has written.
int await_execution(int failure) noexcept;

}  // namespace command
