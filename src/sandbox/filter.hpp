// Makes the filter of a sandbox from the table of system calls: a program for the kernel (classic BPF).
//
// Thread safety: free functions over values.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "coproc/sandbox.hpp"

namespace coproc::inline v0::sandbox {

/// The filter for a process with this number. It looks up the call in the order of the table: the kernel remembers the
/// calls that are always allowed, and asks the filter only about the others.
std::vector<sock_filter> make_filter(const detail::SandboxParts& parts, int own_process);

}  // namespace coproc::inline v0::sandbox
