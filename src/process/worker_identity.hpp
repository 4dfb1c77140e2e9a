// What tells the workers of a host apart, which otherwise begin with the same memory: a number and a seed.
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

/// For the next worker of this process.
WorkerIdentity new_identity(const WorkerOptions& options) noexcept;

/// This process is that worker. `reseeds`: the C library's generators (rand, random, drand48) go on from its seed, and not
/// from where every worker of its host would go on.
void assume_identity(const WorkerIdentity& identity, bool reseeds) noexcept;

/// Of this process. In one that is no worker: number 0, and a seed all the same.
const WorkerIdentity& own_identity() noexcept;

}  // namespace coproc::inline v0::process
