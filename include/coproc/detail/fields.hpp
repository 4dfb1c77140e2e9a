// Takes aggregates apart: counts their fields, finds their types, and visits all of them.
//
// The fields of a type are counted by the number of `{}` that its braces take. Therefore an array counts as one field,
// and every field must be default-constructible. Structured bindings then name the fields. Types for which this does
// not work (unions, bases with members, bit-fields, references) are recognised before it is tried.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "coproc/detail/bind_fields.hpp"

namespace coproc::inline v0 {

template <class T>
struct Codec;

namespace detail {

template <class T>
concept HasCodec = requires { sizeof(Codec<T>); };
/// A class that lists its fields itself: `static constexpr auto coproc_fields = std::tuple(&X::a, &X::b);`
template <class T>
concept HasFields =
    std::is_class_v<T> && requires { std::tuple_size<std::remove_cvref_t<decltype(T::coproc_fields)>>::value; };

// Stand-ins for initialisers that fit only one kind of field. They are only used in unevaluated expressions, so they
// have no definitions.
struct AnyField {
  template <class U>
  operator U() const;
};
template <class T>
struct AnyBase {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::is_same_v<U, T>)
  operator U() const;
};
template <class T>
struct AnyFullBase {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::is_same_v<U, T> && !std::is_empty_v<U>)
  operator U() const;
};
struct AnyUnion {
  template <class U>
    requires std::is_union_v<U>
  operator U() const;
};
struct AnyCustom {
  template <class U>
    requires(std::is_class_v<U> || std::is_union_v<U>) && (HasCodec<U> || HasFields<U>)
  operator U() const;
};

/// The number of initialisers, from the first on, that initialise base classes.
template <class T, std::size_t N = 0>
constexpr std::size_t count_bases() {
  if constexpr (N <= kMaxBases && takes<T, N, AnyBase<T>>()) {
    return count_bases<T, N + 1>();
  } else {
    return N;
  }
}
template <class T, std::size_t Index = 0>
constexpr bool has_full_base() {
  if constexpr (takes<T, Index, AnyFullBase<T>>()) {
    return true;
  } else if constexpr (Index < kMaxBases && takes<T, Index, AnyBase<T>>()) {
    return has_full_base<T, Index + 1>();
  } else {
    return false;
  }
}
/// The number of initialisers, including those of bases. The search stops at one more than can be handled.
template <class T, std::size_t N>
constexpr std::size_t count_initializers() {
  if constexpr (N <= kMaxFields + kMaxBases && takes<T, N + 1>()) {
    return count_initializers<T, N + 1>();
  } else {
    return N;
  }
}
template <class T, std::size_t First, std::size_t... Index>
constexpr bool has_union(std::index_sequence<Index...>) {
  return ((takes<T, First + Index, AnyUnion>() && !takes<T, First + Index, AnyCustom>()) || ...);
}

/// The numbers of bases and fields of an aggregate that can be initialised by `{}`.
template <class T>
struct Layout {
  static constexpr std::size_t bases = std::is_empty_v<T> ? 0 : count_bases<T>();
  static constexpr std::size_t initializers = std::is_empty_v<T> ? 0 : count_initializers<T, bases>();
  static constexpr std::size_t fields = initializers - bases;
};

template <class M>
struct MemberType;
template <class F, class C>
struct MemberType<F C::*> {
  using type = F;
};
template <class Tuple>
struct MemberTypes;
template <class... M>
struct MemberTypes<std::tuple<M...>> {
  using type = Types<Field<typename MemberType<M>::type, true>...>;
};

/// Types<Field<...>...> of an aggregate, or of the members that `coproc_fields` lists.
template <class T>
struct FieldsOf {
  using type = decltype(bind_types<T, Layout<T>::fields>(std::declval<T&>()));
};
template <HasFields T>
struct FieldsOf<T> {
  using type = typename MemberTypes<std::remove_cvref_t<decltype(T::coproc_fields)>>::type;
};
template <class T>
using fields_of = typename FieldsOf<T>::type;

/// Calls `visitor(field...)` with references to all fields.
template <class T, class Visitor>
constexpr decltype(auto) visit_fields(T& value, Visitor&& visitor) {
  if constexpr (HasFields<std::remove_const_t<T>>) {
    return std::apply([&](auto... member) -> decltype(auto) { return visitor((value.*member)...); }, T::coproc_fields);
  } else {
    return bind_fields<T, Layout<std::remove_const_t<T>>::fields>(value, visitor);
  }
}

}  // namespace detail
}  // namespace coproc::inline v0
