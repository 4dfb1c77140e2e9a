// Terminals that descriptors may lead to.
//
// Thread safety: free functions.
#pragma once

#include <cstddef>

namespace coproc::inline v0::os {

/// How many columns the terminal has; 0: `fd` leads to none. 80 where it does not say.
std::size_t columns_of_terminal(int fd) noexcept;

}  // namespace coproc::inline v0::os
