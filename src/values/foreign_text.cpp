#include "coproc/detail/foreign_text.hpp"

#include <cstdint>
#include <cstdio>

namespace coproc::inline v0::detail {

namespace {

struct Character {
  std::uint32_t code;
  std::size_t bytes;
  bool is_utf8;
};

/// Returns the first character of `text`, which must not be empty.
Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  const Character broken{lead, 1, false};
  if (lead < 0xC2 || lead > 0xF4 || bytes > text.size()) return broken;
  std::uint32_t code = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return broken;
    code = code << 6 | (byte(i) & 0x3F);
  }
  const bool is_longer_than_need_be = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (is_longer_than_need_be || is_surrogate || code > 0x10FFFF) return broken;
  return {code, bytes, true};
}

struct Range {
  std::uint32_t first, last;
};
/// Characters that a terminal or an editor acts upon, or does not show.
constexpr Range kNotShown[] = {
    {0x00, 0x1F},        // controls
    {0x7F, 0x9F},        // delete, and the second set of controls
    {0xAD, 0xAD},        // a hyphen that is there only at the end of a line
    {0x61C, 0x61C},      // a mark of direction
    {0x180E, 0x180E},    // without width
    {0x200B, 0x200C},    // the same; a joiner (200D) belongs to what it joins
    {0x200E, 0x200F},    // marks of direction
    {0x2028, 0x202E},    // ends of lines and paragraphs; directions
    {0x2060, 0x206F},    // without width; directions
    {0xFEFF, 0xFEFF},    // a mark of byte order
    {0xFFF9, 0xFFFB},    // notes between lines
    {0xE0000, 0xE0FFF},  // tags
};

bool is_shown(const Character& character) {
  if (!character.is_utf8) return false;
  for (const Range& range : kNotShown) {
    if (character.code >= range.first && character.code <= range.last) return false;
  }
  return true;
}

void escape(std::string& text, const Character& character) {
  char escaped[16];
  switch (character.is_utf8 ? character.code : 0) {
    case '\n':
      text += "\\n";
      return;
    case '\r':
      text += "\\r";
      return;
    case '\t':
      text += "\\t";
      return;
    default:
      break;
  }
  const char* const format = character.bytes == 1 ? "\\x%02x" : character.code > 0xFFFF ? "\\U%08x" : "\\u%04x";
  std::snprintf(escaped, sizeof escaped, format, character.code);
  text += escaped;
}

/// If `indent` is null, newlines are escaped, too.
std::string shown(std::string_view words, const std::string_view* indent, std::size_t most) {
  std::string text;
  text.reserve(words.size() < most ? words.size() : most);
  std::size_t at = 0;
  while (at < words.size()) {
    const Character next = first_of(words.substr(at));
    if (next.bytes > most - at) break;
    at += next.bytes;
    if (indent != nullptr && next.is_utf8 && next.code == '\n') {
      text += '\n';
      text += *indent;
    } else if (is_shown(next)) {
      text.append(words.substr(at - next.bytes, next.bytes));
    } else {
      escape(text, next);
    }
  }
  if (at < words.size()) text += "... (" + std::to_string(words.size() - at) + " more bytes)";
  return text;
}

}  // namespace

std::string in_one_line(std::string_view words, std::size_t most) { return shown(words, nullptr, most); }

std::string in_lines(std::string_view words, std::string_view indent, std::size_t most) {
  while (words.ends_with('\n')) words.remove_suffix(1);
  return shown(words, &indent, most);
}

}  // namespace coproc::inline v0::detail
