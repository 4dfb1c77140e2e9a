// How a child ended, from the kernel.
//
// Thread safety: call reap_ended() at most once at a time for one child. It waits for no other child, and needs no
// SIGCHLD handler, which is the program's.
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
  const char* limit = nullptr;  // the name of the limit that ended it, if that is known
};

/// Reaps the child if it has ended; nullopt while it lives. If the program has waited for it already, or ignores
/// SIGCHLD, newer kernels still tell how it ended (without the resource use), and older ones give `unknown`. Throws
/// std::system_error.
std::optional<Ended> reap_ended(const Pidfd& child);
/// The same for a process that another party reaps: it is left as it is. `unknown` also if it is no child of this
/// process.
std::optional<Ended> look_at_ended(const Pidfd& process);

/// Kills what is left of the process group that the ended child led (`pid` is the child's). Call before reap_ended().
/// If the kernel can do that by the descriptor (Linux 6.9), this very group is meant even if the program has reaped
/// the child itself. Else it is done by number, and only while the unreaped child holds that number: if the program
/// was faster, the number may belong to others, and nothing is killed. False: the group may still be there.
bool kill_group_of_ended(const Pidfd& child, pid_t pid) noexcept;

/// Call when the ended child that led this process group has been reaped. A process of the group may have made
/// children of this process (CLONE_PARENT), which nobody else knows of. Reaps those that have ended, and waits a
/// moment for those that kill_group_of_ended() has killed. Does nothing in a process that adopts orphans.
void reap_strays_of_group(pid_t group) noexcept;

/// For a child that is not reaped yet, if Pidfd::send_signal() is not available. Throws std::system_error.
Signalling send_signal(pid_t child, int signal);

/// For a child that never got a Pidfd: kills it and waits for its end.
void kill_and_reap(pid_t child) noexcept;

}  // namespace coproc::inline v0::os
