#include "monitor/escape.hpp"

#include "coproc/detail/foreign_text.hpp"

namespace coproc::inline v0::monitor {

namespace {

/// Replaces each character that `replacement` knows.
template <class Replacement>
std::string replaced(const std::string& text, Replacement replacement) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    const std::string_view instead = replacement(c);
    if (instead.empty()) {
      result += c;
    } else {
      result += instead;
    }
  }
  return result;
}

std::string shown(std::string_view text) { return detail::in_one_line(text, detail::kWhole); }

}  // namespace

std::string in_markup(std::string_view text) {
  return replaced(shown(text), [](char c) -> std::string_view {
    switch (c) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '"':
        return "&quot;";
      case '\'':
        return "&#39;";
      default:
        return {};
    }
  });
}

std::string in_json(std::string_view text) {
  return '"' +
         replaced(shown(text),
                  [](char c) -> std::string_view {
                    return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : std::string_view();
                  }) +
         '"';
}

std::string in_csv(std::string_view text) {
  return '"' +
         replaced(shown(text), [](char c) -> std::string_view { return c == '"' ? "\"\"" : std::string_view(); }) + '"';
}

}  // namespace coproc::inline v0::monitor
