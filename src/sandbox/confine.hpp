// Closes the box: limits, no new rights, Landlock, then the filter of system calls.
//
// Thread safety: for a process that has one thread.
// Invariants: nothing is opened up again. If a step fails, those before it hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coproc/confinement.hpp"
#include "coproc/limits.hpp"
#include "coproc/sandbox.hpp"

namespace coproc::inline v0::sandbox {

/// Thrown where the system cannot enforce what was asked for. `error_number` is errno, or 0 if no call failed.
struct Refused {
  int error_number = 0;
  std::string text;
};

/// What a worker tells its host of its box. Of a fixed size, since it comes from the worker.
struct Applied {
  std::int32_t landlock_abi = 0;
  std::uint8_t filters_calls = 0;
  std::uint8_t scopes_signals = 0;
  std::uint16_t unused = 0;
};
static_assert(sizeof(Applied) == 8);

/// Confines this process. `sandbox` may be null: then only the limits are set. Throws Refused, std::system_error.
Applied confine(const detail::SandboxParts* sandbox, const Limits& limits);

/// What holds, in words. `sandbox` may be null.
Confinement describe(const detail::SandboxParts* sandbox, const Limits& limits, const Applied& applied);

}  // namespace coproc::inline v0::sandbox
