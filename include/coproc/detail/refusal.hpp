// Finds the reason why a type cannot be sent, before anything else is instantiated, and reports it in one line.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "coproc/decoder.hpp"
#include "coproc/detail/shape.hpp"
#include "coproc/encoder.hpp"

namespace coproc::inline v0::detail {

enum class Refusal : unsigned char {
  none,
  pointer,
  reference,
  view,
  union_type,
  full_base,
  too_many_fields,
  not_default_constructible,
  not_aggregate,
  bit_field,
  constant,
  bad_codec,
};

/// The distance of T among the aggregates around it, innermost first; 0 if it is none of them. This ends the recursion
/// of recursive types.
template <class T, class... Outer>
constexpr std::size_t find_outer() {
  std::size_t distance = 0;
  std::size_t found = 0;
  ((++distance, found = found == 0 && std::is_same_v<T, Outer> ? distance : found), ...);
  return found;
}

template <class T>
concept GoodCodec = requires(Encoder& encoder, Decoder& decoder, const T& value) {
  std::string_view(Codec<T>::name);
  Codec<T>::encode(encoder, value);
  { Codec<T>::decode(decoder) } -> std::same_as<T>;
};

template <class F, bool HasAddress>
constexpr Refusal field_refusal(Field<F, HasAddress>) {
  if (std::is_reference_v<F>) return Refusal::reference;
  if (!HasAddress) return Refusal::bit_field;
  using Element = std::remove_all_extents_t<std::remove_reference_t<F>>;
  return std::is_const_v<Element> || std::is_volatile_v<Element> ? Refusal::constant : Refusal::none;
}
template <class... F>
constexpr Refusal fields_refusal(Types<F...>) {
  Refusal result = Refusal::none;
  ((result = result != Refusal::none ? result : field_refusal(F())), ...);
  return result;
}

/// The reason why T cannot be taken apart, whatever its fields are.
template <class T>
constexpr Refusal aggregate_refusal() {
  if constexpr (HasFields<T>) {
    return std::is_default_constructible_v<T> ? fields_refusal(fields_of<T>()) : Refusal::not_default_constructible;
  } else if constexpr (!takes<T, 0>()) {
    return Refusal::not_default_constructible;
  } else if constexpr (std::is_empty_v<T>) {
    return Refusal::none;
  } else if constexpr (has_full_base<T>() || Layout<T>::bases > kMaxBases) {
    return Refusal::full_base;
  } else if constexpr (Layout<T>::fields > kMaxFields) {
    return Refusal::too_many_fields;
  } else if constexpr (takes<T, Layout<T>::initializers, AnyField>()) {
    return Refusal::not_default_constructible;  // the next field exists, but not from {}
  } else if constexpr (has_union<T, Layout<T>::bases>(std::make_index_sequence<Layout<T>::fields>())) {
    return Refusal::union_type;
  } else {
    return fields_refusal(fields_of<T>());
  }
}

/// The reason why T itself cannot be sent, regardless of its parts.
template <class T>
constexpr Refusal own_refusal() {
  constexpr Kind kind = kKind<T>;
  if constexpr (kind == Kind::aggregate) {
    return aggregate_refusal<T>();
  } else if constexpr (kind == Kind::custom) {
    return GoodCodec<T> ? Refusal::none : Refusal::bad_codec;
  } else if constexpr (kind == Kind::array) {
    using Element = std::remove_reference_t<decltype(std::declval<T&>()[0])>;
    if (std::is_const_v<Element>) return Refusal::constant;
    return std::is_default_constructible_v<T> ? Refusal::none : Refusal::not_default_constructible;
  } else {
    return kind == Kind::pointer      ? Refusal::pointer
           : kind == Kind::reference  ? Refusal::reference
           : kind == Kind::view       ? Refusal::view
           : kind == Kind::union_type ? Refusal::union_type
           : kind == Kind::other      ? Refusal::not_aggregate
                                      : Refusal::none;
  }
}
template <class T>
inline constexpr Refusal kOwnRefusal = own_refusal<T>();

template <class T, class... Outer>
constexpr Refusal find_refusal();
template <class... Outer, class... Part>
constexpr Refusal parts_refusal(Types<Part...>) {
  Refusal result = Refusal::none;
  ((result = result != Refusal::none ? result : find_refusal<Part, Outer...>()), ...);
  return result;
}
template <class T, class... Outer>
constexpr Refusal find_refusal() {
  if constexpr (kKind<T> == Kind::scalar) {
    return Refusal::none;
  } else if constexpr (kOwnRefusal<T> != Refusal::none) {
    return kOwnRefusal<T>;
  } else if constexpr (parts_of<T>::size == 0 || find_outer<T, Outer...>() != 0) {
    return Refusal::none;
  } else if constexpr (kKind<T> == Kind::aggregate) {
    return parts_refusal<T, Outer...>(parts_of<T>());
  } else {
    return parts_refusal<Outer...>(parts_of<T>());
  }
}
/// The first reason why T, a type without const and volatile, cannot be sent.
template <class T>
inline constexpr Refusal kRefusal = find_refusal<T>();

/// Does not compile for types that are refused. The notes of the compiler lead from the payload to the part that is the
/// reason.
template <class T>
constexpr void explain_refusal() {
  constexpr Refusal why = kOwnRefusal<T>;
  static_assert(
      why != Refusal::pointer,
      "coproc: a pointer means nothing in another process: send the value itself (text as std::string, several as "
      "std::vector, none as std::optional), or specialise coproc::Codec<T>");
  static_assert(why != Refusal::reference,
                "coproc: a reference inside a payload cannot be sent: make it a value, or specialise coproc::Codec<T>");
  static_assert(
      why != Refusal::view,
      "coproc: a view inside a payload owns nothing that could arrive: use std::string or std::vector instead");
  static_assert(
      why != Refusal::union_type,
      "coproc: a union does not say which of its members is set: use std::variant, or specialise coproc::Codec<T>");
  static_assert(
      why != Refusal::full_base,
      "coproc: a struct whose base has members cannot be taken apart: make the base a member, give coproc_fields (a "
      "std::tuple of member pointers), or specialise coproc::Codec<T>");
  static_assert(
      why != Refusal::too_many_fields,
      "coproc: a struct of more than 32 fields cannot be taken apart: group them into structs, give coproc_fields (a "
      "std::tuple of member pointers), or specialise coproc::Codec<T>");
  static_assert(
      why != Refusal::not_default_constructible,
      "coproc: a payload and each of its fields must be default-constructible, T value{}, to be received (references "
      "are not): give it defaults, or specialise coproc::Codec<T>");
  static_assert(
      why != Refusal::not_aggregate,
      "coproc: this type is not an aggregate (it has constructors, private members or virtual functions): give it a "
      "public coproc_fields (a std::tuple of member pointers), or specialise coproc::Codec<T>");
  static_assert(why != Refusal::bit_field,
                "coproc: a bit-field cannot be received: make it a plain member, or specialise coproc::Codec<T>");
  static_assert(
      why != Refusal::constant,
      "coproc: a const or volatile member cannot be received: make it a plain member, or specialise coproc::Codec<T>");
  static_assert(
      why != Refusal::bad_codec,
      "coproc: coproc::Codec<T> needs `static constexpr std::string_view name`, `static void encode(Encoder&, const "
      "T&)` and `static T decode(Decoder&)`");
  if constexpr (why == Refusal::none) {
    []<class... Part>(Types<Part...>) {
      ((kRefusal<Part> != Refusal::none ? explain_refusal<Part>() : void()), ...);
    }(parts_of<T>());
  }
}

}  // namespace coproc::inline v0::detail
