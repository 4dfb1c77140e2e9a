// Facts about the encoding of a type that are known at compile time: its size, and whether the bytes in memory are the
// encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "coproc/detail/refusal.hpp"
#include "coproc/detail/shape.hpp"

namespace coproc::inline v0::detail {

/// Stands for the size of types whose values have encodings of different sizes.
inline constexpr std::size_t kVariable = 0;

template <class T>
constexpr std::size_t find_wire_size();
template <class T>
inline constexpr std::size_t kWireSize = find_wire_size<T>();

template <class... Part>
constexpr std::size_t sum_of_sizes(Types<Part...>) {
  if (((kWireSize<Part> == kVariable) || ...)) return kVariable;
  const std::size_t sum = (std::size_t{0} + ... + kWireSize<Part>);
  return sum == 0 ? 1 : sum;  // a value without contents is one zero byte
}

template <class T>
constexpr std::size_t find_wire_size() {
  constexpr Kind kind = kKind<T>;
  if constexpr (kind == Kind::scalar || kind == Kind::enumeration) {
    return sizeof(T);
  } else if constexpr (kind == Kind::array) {
    if (kExtent<T> == 0) return 1;
    return kExtent<T> * sum_of_sizes(parts_of<T>());
  } else if constexpr (kind == Kind::complex) {
    return 2 * sum_of_sizes(parts_of<T>());
  } else if constexpr (kind == Kind::tuple || kind == Kind::duration || kind == Kind::time_point ||
                       kind == Kind::aggregate) {
    return sum_of_sizes(parts_of<T>());
  } else {
    return kVariable;
  }
}

template <class T>
constexpr bool find_bulk();
/// Whether the bytes of a T in memory are its encoding: it has no padding, no bool, and nothing that must be checked.
template <class T>
inline constexpr bool kIsBulk = find_bulk<T>();

template <class... Part>
constexpr bool are_all_bulk(Types<Part...>) {
  return sizeof...(Part) != 0 && (kIsBulk<Part> && ...);
}

template <class T>
constexpr bool find_bulk() {
  constexpr Kind kind = kKind<T>;
  if constexpr (kind == Kind::scalar) {
    return !std::is_same_v<T, bool> && kValueBytes<T> == sizeof(T) && !std::is_same_v<T, long double>;
  } else if constexpr (kind == Kind::enumeration) {
    return kIsBulk<std::underlying_type_t<T>>;
  } else if constexpr (kind == Kind::array || kind == Kind::complex || kind == Kind::duration ||
                       kind == Kind::time_point || (kind == Kind::aggregate && !HasFields<T>)) {
    // coproc_fields may name the members in another order than memory has them.
    const bool is_nothing = std::is_empty_v<T> || (kind == Kind::array && kExtent<T> == 0);
    return std::is_trivially_copyable_v<T> && !is_nothing && kWireSize<T> == sizeof(T) && are_all_bulk(parts_of<T>());
  } else {
    return false;
  }
}

/// The fewest bytes that the encoding of any T has.
template <class T>
inline constexpr std::size_t kLeastWireSize = kWireSize<T> == kVariable ? 1 : kWireSize<T>;

}  // namespace coproc::inline v0::detail
