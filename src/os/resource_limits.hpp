// The limits on what this process may use, and what it uses already.
//
// Thread safety: any thread; limits hold for the whole process.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>

namespace coproc::inline v0::os {

/// Lowers a limit; one that is lower already stays as it is, also where `hard` is. `name` is for the error. Throws
/// std::system_error.
void lower_limit(__rlimit_resource kind, const char* name, std::uint64_t soft, std::uint64_t hard);

/// Sets the nice value of this process, from 0 (the usual) to 19 (the last of all). Throws std::system_error.
void set_priority(int nice);
/// Gives up the right of root to raise a priority (CAP_SYS_NICE), also for the programs that this process executes.
/// Does nothing where there is no such right. Throws std::system_error.
void forgo_raising_priority();

/// The highest descriptor that is open here, or -1. If the system does not list them, the lowest number above which
/// none of the next 256 is open.
int highest_descriptor() noexcept;

/// The bytes that count for RLIMIT_DATA now; nullopt if the system does not tell.
std::optional<std::uint64_t> data_bytes() noexcept;

}  // namespace coproc::inline v0::os
