// Makes text from another process safe to print: a terminal acts upon nothing in it, and it cannot be mistaken for text
// of this process.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "coproc/export.hpp"

namespace coproc::inline v0::detail {

/// Returns the text in one line, for names. Control characters, characters that change the direction of text, invisible
/// characters, and bytes that are no UTF-8 are written as "\n", "\x1b", "\u202e". If there are more than `most` bytes,
/// it returns the first ones and says how many more there are.
COPROC_API std::string in_one_line(std::string_view words, std::size_t most = 256);

/// A limit that cuts nothing.
inline constexpr std::size_t kWhole = static_cast<std::size_t>(-1);

/// Returns the text with its lines. Each line but the first begins with `indent`; the last one has no line end.
COPROC_API std::string in_lines(std::string_view words, std::string_view indent, std::size_t most = 8192);

}  // namespace coproc::inline v0::detail
