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
  const char* limit = nullptr;  // that has ended it, by its name, where that is known
};

/// Reaps the child if it has ended; nullopt while it lives. Where the program has waited for it already, or ignores
/// SIGCHLD, newer kernels still tell how it ended (without the resource use), and older ones give `unknown`. Throws
/// std::system_error.
std::optional<Ended> reap_ended(const Pidfd& child);
/// The same for a process that somebody else reaps: it is left as it is. `unknown` also for one that is no child of this
/// process.
std::optional<Ended> look_at_ended(const Pidfd& process);

/// Kills what is left of the process group that the ended child led (`pid` is the child's). To be called before
/// reap_ended(). By the descriptor where the kernel can do that (Linux 6.9), which means this very group also where the
/// program has reaped the child itself; else by number, and only while the unreaped child holds that number: where the
/// program was faster, the number may belong to others, and nothing is killed. False: not known to be gone.
bool kill_group_of_ended(const Pidfd& child, pid_t pid) noexcept;

/// To be called when the ended child that led this process group has been reaped. A process of the group may have made
/// children of this process (CLONE_PARENT), which nobody else knows of: takes those that have ended, and for a moment waits
/// for those that kill_group_of_ended() has killed. Nothing in a process that orphans come to.
void reap_strays_of_group(pid_t group) noexcept;

/// For a child that is not reaped yet, where Pidfd::send_signal() is not to be had. Throws std::system_error.
Signalling send_signal(pid_t child, int signal);

/// For a child that never got a Pidfd: kills it and waits for its end.
void kill_and_reap(pid_t child) noexcept;

}  // namespace coproc::inline v0::os
