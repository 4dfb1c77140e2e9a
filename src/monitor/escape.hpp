// Texts of programs and names of processes, as the formats of files want them. They may hold anything.
//
// Thread safety: free functions.
#pragma once

#include <string>
#include <string_view>

namespace coproc::inline v0::monitor {

/// For SVG and HTML, between tags and in attributes: one line, with nothing in it that a reader would act upon.
std::string in_markup(std::string_view text);
/// With its quotes. What is no UTF-8, and what is not shown, is written as "\x1b".
std::string in_json(std::string_view text);
/// With quotes, and in one line.
std::string in_csv(std::string_view text);

}  // namespace coproc::inline v0::monitor
