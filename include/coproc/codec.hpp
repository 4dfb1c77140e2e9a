// How values are encoded as bytes and decoded again: the types that can be sent, the types that they arrive as, and
// user-defined codecs.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "coproc/decoder.hpp"
#include "coproc/detail/decode.hpp"
#include "coproc/detail/encode.hpp"
#include "coproc/detail/refusal.hpp"
#include "coproc/detail/wire_size.hpp"
#include "coproc/encoder.hpp"

namespace coproc::inline v0 {

/// The codec of a user-defined type. Arithmetic types, enums, strings, containers, optional, variant, tuple, pair,
/// chrono types, paths, and aggregates of these need none. A specialisation has these members:
///
///     static constexpr std::string_view name;         // identifies the type: keep it when the C++ name changes
///     static void encode(Encoder&, const T&);
///     static T decode(Decoder&);                      // throws, or calls Decoder::fail, for invalid bytes
template <class T>
struct Codec;

namespace detail {

template <class T>
struct Wire {
  using type = T;
};
template <Character C>
struct Wire<C*> {
  using type = std::basic_string<C>;
};
template <Character C>
struct Wire<const C*> : Wire<C*> {};
template <class C, class Traits>
struct Wire<std::basic_string_view<C, Traits>> {
  using type = std::basic_string<C>;
};

template <class E>
struct WireElement {
  using type = std::remove_cv_t<E>;
};
template <class E, std::size_t N>
struct WireElement<E[N]> {
  using type = std::array<typename WireElement<E>::type, N>;  // a vector cannot hold C arrays
};
template <class E, std::size_t N>
struct Wire<std::span<E, N>> {
  using type = std::vector<typename WireElement<E>::type>;
};
template <class E>
struct Wire<std::initializer_list<E>> {
  using type = std::vector<typename WireElement<E>::type>;
};
template <class E, std::size_t N>
struct Wire<E[N]> {
  using type = std::vector<typename WireElement<E>::type>;
};
template <Character C, std::size_t N>
struct Wire<C[N]> : Wire<C*> {};

[[noreturn]] COPROC_API void throw_null_text();

}  // namespace detail

/// The type that a value of type T arrives as. Text literals, character arrays and string views arrive as std::string;
/// spans, C arrays and initializer lists arrive as std::vector; any other type arrives as itself.
template <class T>
using wire_t = typename detail::Wire<std::remove_cvref_t<T>>::type;

/// The types that can be sent.
template <class T>
concept Encodable = detail::kRefusal<wire_t<T>> == detail::Refusal::none;

/// Does not compile if T cannot be sent. The error says in one line why, and what to do instead.
template <class T>
constexpr void check_encodable() {
  if constexpr (!Encodable<T>) detail::explain_refusal<wire_t<T>>();
}

/// Whether the encodings of all values of type T have the same size. `fixed_size<T>` is that size in bytes, or else 0.
template <class T>
inline constexpr bool is_fixed_size = detail::kWireSize<wire_t<T>> != detail::kVariable;
template <class T>
inline constexpr std::size_t fixed_size = detail::kWireSize<wire_t<T>>;

/// Writes any value that can be sent, including text literals and views. A character array is written up to its first
/// NUL. Throws MessageTooLargeError beyond the encoder's limit; InvalidArgumentError for a variant without a value, a
/// null `const char*`, and values that are nested more than 100 levels deep; and whatever the codecs throw.
template <class T>
void encode(Encoder& encoder, const T& value) {
  check_encodable<T>();
  if constexpr (!Encodable<T>) {
    return;
  } else if constexpr (std::is_same_v<T, wire_t<T>>) {
    detail::put<T>(encoder, value);
  } else if constexpr (std::is_pointer_v<T>) {
    if (value == nullptr) detail::throw_null_text();
    encode(encoder, std::basic_string_view<std::remove_cv_t<std::remove_pointer_t<T>>>(value));
  } else if constexpr (std::is_array_v<T> && detail::kKind<wire_t<T>> == detail::Kind::text) {
    using C = std::remove_cv_t<std::remove_extent_t<T>>;
    std::size_t length = 0;
    while (length < std::extent_v<T> && value[length] != C()) ++length;
    encode(encoder, std::basic_string_view<C>(value, length));
  } else if constexpr (std::is_array_v<T>) {
    detail::put_block(encoder, std::span(value));
  } else if constexpr (requires { value.data(); }) {
    detail::put_block(encoder, value);
  } else {  // initializer_list
    encode(encoder, std::span(value.begin(), value.size()));
  }
}

/// Reads a value into an existing one and reuses its memory. After an exception the value is valid, but unspecified.
template <class T>
void decode_into(Decoder& decoder, T& value) {
  static_assert(std::is_same_v<T, wire_t<T>>,
                "coproc: text arrives as std::string, arrays and spans as std::vector: decode these");
  check_encodable<T>();
  if constexpr (Encodable<T>) detail::get_into(decoder, value);
}

/// Reads a value. Throws DecodeError if the bytes do not make a value of this type.
template <class T>
T decode(Decoder& decoder) {
  static_assert(std::is_same_v<T, wire_t<T>>,
                "coproc: text arrives as std::string, arrays and spans as std::vector: decode these");
  check_encodable<T>();
  if constexpr (Encodable<T> && std::is_same_v<T, wire_t<T>>) {
    return detail::get<T>(decoder);
  } else {
    decoder.fail("its type cannot be sent");
  }
}

}  // namespace coproc::inline v0
