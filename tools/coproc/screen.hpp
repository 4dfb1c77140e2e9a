// A terminal that shows one picture after the other, until its user has seen enough.
//
// Thread safety: none. There is at most one in a process.
// Invariants: however the program ends, but by SIGKILL or a crash, the terminal is as it was before.
#pragma once

#include <signal.h>
#include <termios.h>

#include <chrono>
#include <string>
#include <vector>

#include "os/fd.hpp"

namespace command {

class Screen {
 public:
  /// Whether stdout is a terminal.
  static bool is_there() noexcept;

  /// Takes the terminal. Keys are read if stdin is a terminal, too. Throws std::system_error.
  Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen();

  /// Replaces the picture. Lines are cut to what the terminal has room for. REQUIRES: nothing in them is acted upon by
  /// a terminal.
  void show(const std::vector<std::string>& lines);
  /// Waits for so long. Returns early if the size has changed, with `is_over` false, or if the user leaves: by q, by
  /// Ctrl-C, or by the end of the terminal.
  struct Waited {
    bool is_over;
    bool is_early;
  };
  Waited wait(std::chrono::nanoseconds time);
  /// The signal that has ended it, or 0.
  int signal() const noexcept { return signal_; }

 private:
  void enter();
  void leave() noexcept;
  void stop_as_asked();

  sigset_t signals_before_{};
  coproc::os::Fd signals_;  // reads those that are blocked meanwhile
  termios settings_before_{};
  bool has_keys_ = false;
  int signal_ = 0;
};

}  // namespace command
