// What a word is: as for grep -w and -i in the C locale, a run of ASCII letters, digits and underscores, in any case.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace search {

/// For each byte: what it is compared as, or 0 where it belongs to no word.
inline constexpr auto kFolded = [] {
  std::array<char, 256> folded{};
  for (char c = '0'; c <= '9'; ++c) folded[static_cast<unsigned char>(c)] = c;
  for (char c = 'a'; c <= 'z'; ++c) folded[static_cast<unsigned char>(c)] = c;
  for (char c = 'A'; c <= 'Z'; ++c) folded[static_cast<unsigned char>(c)] = static_cast<char>(c - 'A' + 'a');
  folded['_'] = '_';
  return folded;
}();

constexpr char fold(char c) { return kFolded[static_cast<unsigned char>(c)]; }

constexpr bool is_word(std::string_view text) {
  for (const char c : text) {
    if (fold(c) == 0) return false;
  }
  return !text.empty();
}

inline std::string folded(std::string_view word) {
  std::string result(word);
  for (char& c : result) c = fold(c);
  return result;
}

}  // namespace search
