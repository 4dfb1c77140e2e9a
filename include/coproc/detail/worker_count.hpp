// How many workers a pool may have.
#pragma once

#include <cstddef>

#include "coproc/export.hpp"

namespace coproc::inline v0::detail {

/// The most workers of one pool. Each of them takes a process and several descriptors, so that a greater number is a
/// mistake, by which the host would run out of memory before the first process is started.
inline constexpr std::size_t kMostWorkers = 65'536;

/// Returns the number. Throws InvalidArgumentError, which begins with the option's name, if there are more than
/// kMostWorkers.
COPROC_API std::size_t checked_worker_count(const char* option, std::size_t count);

}  // namespace coproc::inline v0::detail
