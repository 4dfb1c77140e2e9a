// The namespaces of this process, which decide what its children see.
//
// Thread safety: any thread; they are the calling thread's.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "os/pidfd.hpp"

namespace coproc::inline v0::os {

/// Names of those that this process's children get.
std::string namespaces();

/// Whether the children of this process are born into another PID namespace than its own (unshare, setns).
bool gives_children_another_pid_namespace();

/// The number that a process of another PID namespace has in this one. nullopt: not to be known.
std::optional<pid_t> pid_here(const Pidfd& process);

}  // namespace coproc::inline v0::os
