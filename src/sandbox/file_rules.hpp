// Makes the Landlock rules of a sandbox.
//
// Thread safety: restrict_files() acts upon the calling thread alone.
#pragma once

#include <cstdint>

#include "coproc/sandbox.hpp"

namespace coproc::inline v0::sandbox {

/// What a ruleset refuses, and no rule allows again, with this version of Landlock.
struct Handled {
  std::uint64_t files = 0;
  std::uint64_t ports = 0;
  std::uint64_t scopes = 0;
  bool operator==(const Handled&) const = default;
};
Handled handled_by(const detail::SandboxParts& parts, int abi) noexcept;

/// Lets the rules hold from now on. Does nothing if they would refuse nothing. REQUIRES: os::give_up_new_rights(); the
/// version is that of the kernel. Throws std::system_error, in whose text the path stands.
void restrict_files(const detail::SandboxParts& parts, int abi);

}  // namespace coproc::inline v0::sandbox
