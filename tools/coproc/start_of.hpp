// How a worker was started, as far as its process still shows it.
//
// Thread safety: free functions.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "os/proc_stat.hpp"

namespace command {

/// The field with this number of proc(5), from 4 on. nullopt: there is none, or it is no number.
std::optional<std::uint64_t> field_of(const coproc::os::ProcStat& stat, int number);

/// Fields of proc(5): when the process was started, and where its environment begins.
inline constexpr int kStartField = 22, kEnvironmentField = 50;

/// "fork", "fork_server", "spawn" or "executable"; empty if it is not known.
std::string start_of(pid_t worker, pid_t host);

}  // namespace command
