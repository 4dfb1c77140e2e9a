// Filters of system calls: programs that the kernel runs before each call of this thread and of all that it starts.
//
// Thread safety: each acts upon the calling thread alone.
#pragma once

#include <linux/filter.h>

#include <span>

namespace coproc::inline v0::os {

/// From now on no program that this thread executes gives it more rights (set-user-ID, capabilities of files). Throws
/// std::system_error.
void give_up_new_rights();

/// From now on, for ever, this program decides about each system call, besides those that were set before. REQUIRES:
/// give_up_new_rights(). Throws std::system_error.
void filter_system_calls(std::span<const sock_filter> program);

}  // namespace coproc::inline v0::os
