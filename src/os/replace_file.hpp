// Files that are written as a whole, and files that grow by lines.
//
// Thread safety: free functions.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace coproc::inline v0::os {

/// Gives the file these contents. Whoever reads a regular file meanwhile sees the old contents or the new ones, and no
/// part of them. Throws std::system_error.
void replace_file(const std::string& path, std::string_view contents);

/// Takes the next piece of a file.
using WritePiece = std::function<void(std::string_view)>;
/// The same for contents that are made piece by piece: `make` gives them to what it is called with. If it throws, the
/// file keeps its old contents.
void replace_file(const std::string& path, const std::function<void(const WritePiece&)>& make);

/// Adds a text to the end of a file, which is created if it does not exist. Throws std::system_error.
void append_to_file(const std::string& path, std::string_view text);

}  // namespace coproc::inline v0::os
