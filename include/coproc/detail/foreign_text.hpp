// What another process says, as it may be printed. A terminal acts upon nothing of it, and it cannot be taken for what is
// said here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "coproc/export.hpp"

namespace coproc::inline v0::detail {

/// In one line: for names. Control characters, what changes the direction of text, what is invisible, and bytes that are no
/// UTF-8 are written as "\n", "\x1b", "\u202e". Of more than `most` bytes the first ones, and how many more there are.
COPROC_API std::string in_one_line(std::string_view words, std::size_t most = 256);

/// As much as there is.
inline constexpr std::size_t kWhole = static_cast<std::size_t>(-1);

/// The same with its lines kept. Each but the first begins with `indent`; the last has no end.
COPROC_API std::string in_lines(std::string_view words, std::string_view indent, std::size_t most = 8192);

}  // namespace coproc::inline v0::detail
