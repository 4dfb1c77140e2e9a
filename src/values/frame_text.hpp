// The lines of a stack, such as "#3 wait() + 0x1b (indexer+0x1639b)".
//
// Thread safety: a free function over a value.
#pragma once

#include <string_view>

namespace coproc::inline v0::detail {

/// The line without its number.
inline std::string_view without_number(std::string_view frame) noexcept {
  const std::size_t space = frame.find(' ');
  return frame.starts_with('#') && space != std::string_view::npos ? frame.substr(space + 1) : frame;
}

}  // namespace coproc::inline v0::detail
