// The processors that this process may use.
//
// Thread safety: free functions, for the calling thread.
#pragma once

#include <sched.h>

#include <cstddef>
#include <string>
#include <vector>

namespace coproc::inline v0::os {

/// The processors on which this thread may run; all of them if the system does not say.
cpu_set_t allowed_processors() noexcept;
/// Restricts this thread to these processors. If the system refuses, nothing changes.
void allow_processors(const cpu_set_t& processors) noexcept;

/// The numbers of allowed_processors(), as far as such processors exist; never empty.
std::vector<int> list_allowed_processors();

/// How many processors' worth of time the control groups of this process grant, rounded up; 0: no limit. `membership`
/// is the text of /proc/self/cgroup, `root` the directory where the group file systems are mounted.
std::size_t processors_of_groups(const std::string& membership, const std::string& root);

/// How many processes can run at once: the smaller of the two above, at least 1.
std::size_t usable_processors();

/// From now on this thread, and the threads and processes that it starts, run on this processor only, unless the
/// system refuses that.
void pin_to(int processor) noexcept;

}  // namespace coproc::inline v0::os
