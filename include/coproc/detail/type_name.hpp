// The own name of a type, and a hash of text. Both are the same with g++ and clang and in every shared library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coproc::inline v0::detail {

constexpr std::uint64_t kHashStart = 0xcbf29ce484222325;

/// FNV-1a over the text, continued from `hash`.
constexpr std::uint64_t hash_text(std::string_view text, std::uint64_t hash = kHashStart) noexcept {
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

/// Mixes a number into a hash, byte by byte, so that the order of what is mixed counts.
constexpr std::uint64_t hash_number(std::uint64_t number, std::uint64_t hash) noexcept {
  for (int byte = 0; byte < 8; ++byte) hash = (hash ^ ((number >> (8 * byte)) & 0xff)) * 0x100000001b3;
  return hash;
}

constexpr bool opens(char c) noexcept { return c == '<' || c == '(' || c == '[' || c == '{'; }
constexpr bool closes(char c) noexcept { return c == '>' || c == ')' || c == ']' || c == '}'; }

/// The end of a character literal that begins at `i`, since it may contain a bracket: Tag<'>'>. `i` itself if there is
/// none.
constexpr std::size_t skip_literal(std::string_view text, std::size_t i) noexcept {
  if (text[i] != '\'') return i;
  const std::size_t close = text.find('\'', i + (i + 1 < text.size() && text[i + 1] == '\\' ? 3 : 2));
  return close == std::string_view::npos ? i : close;
}

/// The type as the compiler spells it, with namespaces. It differs from compiler to compiler.
template <class T>
constexpr std::string_view pretty_name() noexcept {
  // g++: "constexpr std::string_view ...pretty_name() [with T = a::B<int>; std::string_view = ...]"
  // clang: "std::string_view ...pretty_name() [T = a::B<int>]"
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("T = ") + 4);
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    i = skip_literal(text, i);
    const char c = text[i];
    if (opens(c)) ++depth;
    if (depth == 0 && (c == ';' || c == ']')) return text.substr(0, i);
    if (closes(c)) --depth;
  }
  return text;
}

/// The own name of the type, without namespaces, enclosing functions and template arguments, in which the compilers
/// differ. Empty for unnamed types.
template <class T>
constexpr std::string_view own_name() noexcept {
  const std::string_view text = pretty_name<T>();
  std::size_t start = 0;
  std::size_t end = 0;
  bool in_word = false;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    i = skip_literal(text, i);
    const char c = text[i];
    if (closes(c)) {
      --depth;
    } else if (opens(c)) {
      if (depth++ == 0) in_word = false;  // template arguments or parameters: the name before them stays
    } else if (depth == 0) {
      const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                           c == '$' || static_cast<unsigned char>(c) >= 0x80;
      if (!is_word || !in_word) start = end = i;
      if (is_word) end = i + 1;
      in_word = is_word;
    }
  }
  return text.substr(start, end - start);
}

}  // namespace coproc::inline v0::detail
