// The namespaces of this process, which decide what its children see.
//
// Thread safety: any thread. They are those of the calling thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "os/pidfd.hpp"

namespace coproc::inline v0::os {

/// The names of the namespaces that this process's children get.
std::string namespaces();

/// Whether the children of this process are born into another PID namespace than its own (unshare, setns).
bool gives_children_another_pid_namespace();

/// The number that a process of another PID namespace has in this one; nullopt: it cannot be found out.
std::optional<pid_t> pid_here(const Pidfd& process);

}  // namespace coproc::inline v0::os
