// A hash of the structure and the names of a type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "coproc/detail/refusal.hpp"
#include "coproc/detail/shape.hpp"
#include "coproc/detail/type_name.hpp"
#include "coproc/detail/wire_size.hpp"

namespace coproc::inline v0::detail {

template <class T>
concept HasName = requires { std::string_view(T::coproc_name); };

/// The name that identifies a user-defined type.
template <class T>
constexpr std::string_view identifying_name() {
  if constexpr (kKind<T> == Kind::custom) {
    return Codec<T>::name;
  } else if constexpr (HasName<T>) {
    return T::coproc_name;
  } else {
    return own_name<T>();
  }
}

/// One letter for each kind of number; integers of one size and sign are one kind.
template <class T>
constexpr char scalar_letter() {
  if (std::is_same_v<T, bool>) return 'b';
  if (std::is_same_v<T, char>) return 'c';
  if (std::is_same_v<T, wchar_t>) return 'w';
  if (std::is_same_v<T, char8_t>) return 'x';
  if (std::is_same_v<T, char16_t>) return 'y';
  if (std::is_same_v<T, char32_t>) return 'z';
  if (std::is_floating_point_v<T>) return 'f';
  return std::is_signed_v<T> ? 'i' : 'u';
}
template <class T>
constexpr std::uint64_t hash_scalar(std::uint64_t hash) {
  return hash_number(static_cast<std::uint64_t>(scalar_letter<T>()) << 8 | sizeof(T), hash);
}

/// The type arguments of a user-defined template, so that Length<Metre> is not Length<Foot>, even if the fields are the
/// same. (Values as arguments do not count, since the compilers spell them differently.)
template <class T>
struct Arguments {
  static constexpr std::uint64_t hash(std::uint64_t hash) { return hash; }
};
template <class A>
constexpr std::uint64_t hash_argument(std::uint64_t hash) {
  if constexpr (std::is_arithmetic_v<A>) {
    return hash_scalar<A>(hash);
  } else {
    return Arguments<A>::hash(hash_text(own_name<A>(), hash_number(',', hash)));
  }
}
template <template <class...> class Template, class... A>
struct Arguments<Template<A...>> {
  static constexpr std::uint64_t hash(std::uint64_t hash) {
    ((hash = hash_argument<A>(hash)), ...);
    return hash_number(sizeof...(A), hash);
  }
};

template <class T, class... Outer>
constexpr std::uint64_t hash_type(std::uint64_t hash);

template <class... Outer, class... Part>
constexpr std::uint64_t hash_parts(Types<Part...>, std::uint64_t hash) {
  ((hash = hash_type<Part, Outer...>(hash)), ...);
  return hash_number(sizeof...(Part), hash);
}

/// Continues `hash` with T. A type that contains itself counts by its distance.
template <class T, class... Outer>
constexpr std::uint64_t hash_type(std::uint64_t hash) {
  constexpr Kind kind = kKind<T>;
  if constexpr (kind == Kind::scalar) {
    return hash_scalar<T>(hash);
  } else if constexpr (find_outer<T, Outer...>() != 0) {
    return hash_number(find_outer<T, Outer...>(), hash_number('^', hash));
  } else if constexpr (sizeof...(Outer) != 0 && kWireSize<T> != kVariable) {
    return hash_type<T>(
        hash);  // T has a fixed size, so it contains none of the outer types, and one function serves for all of them
  } else {
    // Letters are used, since numbers would change with the order of the enumerators.
    constexpr char letter = kind == Kind::custom          ? 'C'
                            : kind == Kind::enumeration   ? 'E'
                            : kind == Kind::text          ? 'S'
                            : kind == Kind::path          ? 'P'
                            : kind == Kind::array         ? 'A'
                            : kind == Kind::sequence      ? 'V'
                            : kind == Kind::set           ? 'K'
                            : kind == Kind::map           ? 'M'
                            : kind == Kind::optional      ? 'O'
                            : kind == Kind::variant       ? 'R'
                            : kind == Kind::tuple         ? 'T'
                            : kind == Kind::complex       ? 'X'
                            : kind == Kind::duration      ? 'D'
                            : kind == Kind::time_point    ? 'I'
                            : kind == Kind::shared_buffer ? 'B'
                                                          : 'F';
    hash = hash_number(static_cast<std::uint64_t>(letter), hash);
    if constexpr (kind == Kind::custom) {
      return hash_text(identifying_name<T>(), hash);
    } else if constexpr (kind == Kind::enumeration) {
      return hash_text(own_name<T>(), hash_scalar<std::underlying_type_t<T>>(hash));
    } else if constexpr (kind == Kind::text) {
      return hash_scalar<typename T::value_type>(hash);
    } else if constexpr (kind == Kind::array) {
      hash = hash_number(kExtent<T>, hash);
    } else if constexpr (kind == Kind::duration) {
      hash = hash_number(static_cast<std::uint64_t>(T::period::num), hash);
      hash = hash_number(static_cast<std::uint64_t>(T::period::den), hash);
    } else if constexpr (kind == Kind::time_point) {
      hash = hash_text(own_name<typename T::clock>(), hash);
    } else if constexpr (kind == Kind::aggregate) {
      hash = hash_text(identifying_name<T>(), hash);
      if constexpr (!HasName<T>) hash = Arguments<T>::hash(hash);
    }
    if constexpr (kind == Kind::aggregate) {
      return hash_parts<T, Outer...>(parts_of<T>(), hash);
    } else {
      return hash_parts<Outer...>(parts_of<T>(), hash);
    }
  }
}

template <class T>
constexpr std::uint64_t find_type_hash() {
  if constexpr (kRefusal<T> == Refusal::none) {
    return hash_type<T>(kHashStart);
  } else {
    return 0;
  }
}
/// The hash of T, a type without const and volatile; 0 if T cannot be sent.
template <class T>
inline constexpr std::uint64_t kTypeHash = find_type_hash<T>();

}  // namespace coproc::inline v0::detail
