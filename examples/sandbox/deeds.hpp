// What a decoder does that a file has taken over.
//
// Thread safety: free functions.
#pragma once

#include <string>
#include <string_view>

namespace images {

/// Whether there is such a deed: open, connect, fork, kill, memory or loop.
bool is_deed(std::string_view name);

/// Does it, and returns what came of it. `loop` does not return.
std::string commit(const std::string& deed);

}  // namespace images
