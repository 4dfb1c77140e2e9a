// Classifies types: the kind of each type, and the parts of which it is made.
//
// The containers of the standard library are recognised by their members and not by their templates, so that their
// headers need not be included. A class from elsewhere that has the same members is not taken for a container, since it
// may hold more than its elements.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "coproc/detail/fields.hpp"
#include "coproc/detail/type_name.hpp"

namespace coproc::inline v0 {

template <class T>
class SharedBuffer;

namespace detail {

enum class Kind : unsigned char {
  custom,  // Codec<T>
  scalar,
  enumeration,
  text,
  path,
  array,  // std::array, C arrays
  sequence,
  set,
  map,
  optional,
  variant,
  tuple,
  complex,
  duration,
  time_point,
  shared_buffer,
  aggregate,  // including classes that list their fields in coproc_fields
  // These cannot be sent:
  pointer,
  reference,
  view,
  union_type,
  other,
};

template <class T>
concept Character = std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
                    std::same_as<T, char16_t> || std::same_as<T, char32_t>;

template <class T>
concept StandardType = pretty_name<T>().starts_with("std::");

template <class T>
concept SmartPointer = requires(T& t) {
  typename T::element_type;
  t.get();
  t.operator->();
};
template <class T>
concept PathLike = requires(const T& t) {
  typename T::string_type;
  T::preferred_separator;
  t.native();
};
template <class T>
concept ComplexLike = requires(const T& t) {
  requires std::floating_point<typename T::value_type>;
  t.real();
  t.imag();
};
template <class T>
concept RangeLike = requires(T& t) {
  typename T::value_type;
  t.begin();
  t.end();
  t.clear();
};
template <class T>
concept ForwardListLike = RangeLike<T> && requires(T& t) { t.before_begin(); };
template <class T>
concept SequenceLike =
    RangeLike<T> && (ForwardListLike<T> || requires(T& t, typename T::value_type& v) { t.push_back(v); });
template <class T>
concept SetLike = RangeLike<T> && std::same_as<typename T::key_type, typename T::value_type>;
template <class T>
concept MapLike = RangeLike<T> && requires {
  typename T::key_type;
  typename T::mapped_type;
};

/// The kinds of templates that are known by name, and the parts of all kinds but aggregates.
template <class T>
struct Known {};
template <Kind K, class... Part>
struct KnownAs {
  static constexpr Kind kind = K;
  using parts = Types<std::remove_cv_t<Part>...>;
};

template <Character C, class Traits, class A>
struct Known<std::basic_string<C, Traits, A>> : KnownAs<Kind::text> {};
template <class C, class Traits>
struct Known<std::basic_string_view<C, Traits>> : KnownAs<Kind::view> {};
template <class E, std::size_t N>
struct Known<std::span<E, N>> : KnownAs<Kind::view> {};
template <class E>
struct Known<std::initializer_list<E>> : KnownAs<Kind::view> {};
template <class E, std::size_t N>
struct Known<std::array<E, N>> : KnownAs<Kind::array, E> {};
template <class E>
struct Known<std::optional<E>> : KnownAs<Kind::optional, E> {};
template <class... E>
struct Known<std::variant<E...>> : KnownAs<Kind::variant, E...> {};
template <class... E>
struct Known<std::tuple<E...>> : KnownAs<Kind::tuple, E...> {};
template <class A, class B>
struct Known<std::pair<A, B>> : KnownAs<Kind::tuple, A, B> {};
template <class Rep, class Period>
struct Known<std::chrono::duration<Rep, Period>> : KnownAs<Kind::duration, Rep> {};
template <class Clock, class Duration>
struct Known<std::chrono::time_point<Clock, Duration>> : KnownAs<Kind::time_point, Duration> {};
template <class E>
struct Known<SharedBuffer<E>> : KnownAs<Kind::shared_buffer, E> {};

template <class T>
constexpr Kind find_kind() {
  if constexpr (std::is_arithmetic_v<T>) {
    return Kind::scalar;
  } else if constexpr (HasCodec<T>) {
    return Kind::custom;
  } else if constexpr (std::is_enum_v<T>) {
    return Kind::enumeration;
  } else if constexpr (std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T>) {
    return Kind::pointer;
  } else if constexpr (std::is_reference_v<T>) {
    return Kind::reference;
  } else if constexpr (std::is_bounded_array_v<T>) {
    return Kind::array;
  } else if constexpr (HasFields<T>) {
    return Kind::aggregate;
  } else if constexpr (std::is_union_v<T>) {
    return Kind::union_type;
  } else if constexpr (!std::is_class_v<T>) {
    return Kind::other;
  } else if constexpr (requires { Known<T>::kind; }) {
    return Known<T>::kind;
  } else if constexpr (std::is_aggregate_v<T>) {
    return Kind::aggregate;
  } else if constexpr (SmartPointer<T>) {
    return Kind::pointer;
  } else if constexpr (MapLike<T> && StandardType<T>) {
    return Kind::map;
  } else if constexpr (SetLike<T> && StandardType<T>) {
    return Kind::set;
  } else if constexpr (SequenceLike<T> && StandardType<T>) {
    return Kind::sequence;
  } else if constexpr (PathLike<T> && StandardType<T>) {
    return Kind::path;
  } else if constexpr (ComplexLike<T> && StandardType<T>) {
    return Kind::complex;
  } else {
    return Kind::other;
  }
}
/// The kind of T, a type without const and volatile.
template <class T>
inline constexpr Kind kKind = find_kind<T>();

/// Types<...> of the parts of a value. For an aggregate it is valid only if `refusal_of<T>` is none.
template <class T, Kind K = kKind<T>>
struct Parts {
  using type = Types<>;
};
template <class T, Kind K>
  requires(K == Known<T>::kind)
struct Parts<T, K> {
  using type = typename Known<T>::parts;
};
template <class E, std::size_t N>
struct Parts<E[N], Kind::array> {
  using type = Types<std::remove_cv_t<E>>;
};
template <class T>
struct Parts<T, Kind::sequence> {
  using type = Types<typename T::value_type>;
};
template <class T>
struct Parts<T, Kind::set> {
  using type = Types<typename T::key_type>;
};
template <class T>
struct Parts<T, Kind::map> {
  using type = Types<typename T::key_type, typename T::mapped_type>;
};
template <class T>
struct Parts<T, Kind::complex> {
  using type = Types<typename T::value_type>;
};
template <class... F, bool... HasAddress>
constexpr Types<std::remove_cv_t<F>...> plain_fields(Types<Field<F, HasAddress>...>);
template <class T>
struct Parts<T, Kind::aggregate> {
  using type = decltype(plain_fields(fields_of<T>()));
};
template <class T>
using parts_of = typename Parts<T>::type;

/// The number of elements of an array type.
template <class T>
inline constexpr std::size_t kExtent = std::extent_v<T>;
template <class E, std::size_t N>
inline constexpr std::size_t kExtent<std::array<E, N>> = N;

}  // namespace detail
}  // namespace coproc::inline v0
