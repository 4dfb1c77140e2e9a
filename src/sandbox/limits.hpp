// Sets the limits on what a worker may use.
//
// Thread safety: the limits hold for the whole process.
#pragma once

#include <string>
#include <vector>

#include "coproc/limits.hpp"

namespace coproc::inline v0::sandbox {

/// Throws InvalidArgumentError for values that cannot be limits.
void check_limits(const Limits& limits);

/// Throws Refused (confine.hpp) if this process uses more already; std::system_error.
void set_limits(const Limits& limits);

/// A line for each limit.
std::vector<std::string> describe_limits(const Limits& limits);

}  // namespace coproc::inline v0::sandbox
