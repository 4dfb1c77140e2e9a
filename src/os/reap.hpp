// How a child ended, from the kernel.
//
// Thread safety: reap_ended() at most once at a time for one child. It never waits for any child but the one named, and
// needs no SIGCHLD handler: those belong to the program.
#pragma once

#include <cstdint>
#include <optional>

#include "os/pidfd.hpp"

namespace coproc::inline v0::os {

struct Ended {
  enum class How { exited, signalled, unknown };
  How how = How::unknown;
  int value = 0;  // the exit code or the signal
  bool core_dumped = false;
  std::int64_t user_us = 0;
  std::int64_t system_us = 0;
  long peak_kib = 0;
};

/// Reaps the child if it has ended; nullopt while it lives. Where the program has waited for it already, or ignores
/// SIGCHLD, newer kernels still tell how it ended (without the resource use), and older ones give `unknown`. Throws
/// std::system_error.
std::optional<Ended> reap_ended(const Pidfd& child);

/// For a child that never got a Pidfd: kills it and waits for its end.
void kill_and_reap(pid_t child) noexcept;

}  // namespace coproc::inline v0::os
