// A number and a seed that tell the workers of a host apart, which otherwise begin with the same memory.
//
// Thread safety: new_identity() from any thread; assume_identity() for a worker's first thread, before its target runs.
#pragma once

#include <cstdint>

#include "coproc/options.hpp"

namespace coproc::inline v0::process {

struct WorkerIdentity {
  std::uint64_t number = 0;
  std::uint64_t seed = 0;
};

/// The identity of the next worker of this process.
WorkerIdentity new_identity(const WorkerOptions& options) noexcept;

/// Makes this process that worker. With `reseeds` the C library's generators (rand, random, drand48) go on from its
/// seed; without, all workers of a host would go on from the same point.
void assume_identity(const WorkerIdentity& identity, bool reseeds) noexcept;

/// The identity of this process. A process that is no worker has number 0, and a seed all the same.
const WorkerIdentity& own_identity() noexcept;

}  // namespace coproc::inline v0::process
