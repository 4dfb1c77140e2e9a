// Terminals behind descriptors.
//
// Thread safety: free functions.
#pragma once

#include <cstddef>

namespace coproc::inline v0::os {

/// The number of columns of the terminal, 80 if it does not say; 0: `fd` is no terminal.
std::size_t columns_of_terminal(int fd) noexcept;

}  // namespace coproc::inline v0::os
