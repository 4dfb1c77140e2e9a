// Names in directories.
//
// Thread safety: free functions.
#pragma once

#include <string>
#include <vector>

namespace coproc::inline v0::os {

/// The names in a directory, without "." and "..", in no order; none if it cannot be read.
std::vector<std::string> names_in(const std::string& path);

}  // namespace coproc::inline v0::os
