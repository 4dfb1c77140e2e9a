// Files that are written as a whole, and files that grow by lines.
//
// Thread safety: free functions.
#pragma once

#include <string>
#include <string_view>

namespace coproc::inline v0::os {

/// Gives the file these contents. Whoever reads a regular file meanwhile sees the old contents or the new ones, and no
/// part of them. Throws std::system_error.
void replace_file(const std::string& path, std::string_view contents);

/// Adds a text to the end of a file, which is created if it does not exist. Throws std::system_error.
void append_to_file(const std::string& path, std::string_view text);

}  // namespace coproc::inline v0::os
