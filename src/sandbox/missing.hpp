// What a kernel cannot enforce of a sandbox.
//
// Thread safety: a free function over values.
#pragma once

#include <string>
#include <vector>

#include "coproc/sandbox.hpp"

namespace coproc::inline v0::sandbox {

/// A sentence for each part of the sandbox that a kernel with this version of Landlock does not enforce.
std::vector<std::string> missing_of(const detail::SandboxParts& parts, int landlock_abi);

}  // namespace coproc::inline v0::sandbox
