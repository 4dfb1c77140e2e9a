// The page of `coproc serve`, as embed.cmake has put it together.
#pragma once

#include <string_view>

namespace command {

/// HTML with its style and its script.
extern const std::string_view kPage;
/// Permits the style and the script of that page, by their hashes, and requests to where it came from.
extern const std::string_view kContentSecurityPolicy;

}  // namespace command
