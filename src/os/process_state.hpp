// Queries and settings of this process.
//
// Thread safety: free functions. What they change is changed for the whole process.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// The number of threads of this process, including this one, but not the thread sanitizer's own. Without /proc, 2
/// means that there are or were others.
std::size_t thread_count() noexcept;

/// Whether this process has other threads. Needs no /proc where the kernel may be asked.
bool has_other_threads() noexcept;

/// The name that `ps` and /proc/PID/comm show: the first 15 bytes are kept.
void set_process_name(const char* name) noexcept;

pid_t parent_pid() noexcept;

/// Whether a process that was not reaped is stopped (by SIGSTOP, Ctrl-Z), as far as /proc tells; true if it does not.
bool may_be_stopped(pid_t process);

/// The effective user of this process, from the kernel: a preloaded library (fakeroot) may report another one.
unsigned user_id() noexcept;

/// Whether programs that this process executes get rights which their starter does not have, as far as the system can
/// tell (AT_SECURE): its effective user or group is not the real one, or its program is set-user-ID.
bool gives_other_rights() noexcept;

/// Whether this program was executed with such rights.
bool was_given_other_rights() noexcept;

/// Whether `fd` is open.
bool is_open(int fd) noexcept;

/// Closes every descriptor but 0, 1, 2 and those in `keep` (in any order, negative ones ignored). Throws
/// std::system_error.
void close_all_fds_except(std::span<const int> keep);

/// Makes this process the leader of a process group of its own, whose number is its pid. Throws std::system_error.
void lead_process_group();

/// Throws std::system_error.
void change_directory(const char* path);
/// As a descriptor that another process can enter. Throws std::system_error.
Fd open_directory(const char* path);
/// Throws std::system_error.
void change_directory(const Fd& directory);

}  // namespace coproc::inline v0::os
