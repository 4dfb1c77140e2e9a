// Decodes values of every kind of type: into an existing value if that can be filled, and otherwise as a new value.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include "coproc/decoder.hpp"
#include "coproc/detail/wire_size.hpp"

namespace coproc::inline v0::detail {

template <class T>
T get(Decoder& decoder);
template <class T>
void get_into(Decoder& decoder, T& value);

/// The memory that an element of a container takes besides itself: links, the allocator's part, its share of hash
/// buckets.
inline constexpr std::size_t kNodeBytes = 64;
/// The memory that a container may allocate before its first element: even an empty deque has a block and a map of
/// blocks.
inline constexpr std::size_t kFirstBytes = 128;
inline constexpr std::size_t kDequeBytes = 640;

/// The kinds that are always decoded as new values. Values of other kinds are default-constructed and filled.
template <class T>
inline constexpr bool kComesWhole =
    kKind<T> == Kind::custom || kKind<T> == Kind::scalar || kKind<T> == Kind::enumeration || kKind<T> == Kind::path ||
    kKind<T> == Kind::tuple || kKind<T> == Kind::shared_buffer || kKind<T> == Kind::complex ||
    kKind<T> == Kind::duration || kKind<T> == Kind::time_point;

/// Reads a value without contents: one byte, which must be zero.
inline void get_nothing(Decoder& decoder) {
  if (decoder.scalar<std::uint8_t>() != 0) decoder.fail("an empty value is not one zero byte");
}

/// Fills a string or vector whose elements are encoded as they are in memory.
template <class T>
void get_block(Decoder& decoder, T& value) {
  using Element = typename T::value_type;
  // The value grows piece by piece, so that each piece is still in the cache when its zeros are overwritten.
  constexpr std::size_t kPiece = 16384 / sizeof(Element) + 1;
  const auto [count, size, lent] = decoder.block(sizeof(Element));
  if (count >= kLargeBlock / sizeof(Element)) {
    value.clear();
    value.reserve(count);
    prefer_huge_pages(value.data(), count * sizeof(Element));
  }
  if (lent != nullptr) {
    // One copy is enough, since these elements need no checks.
    value.assign(reinterpret_cast<const Element*>(lent), reinterpret_cast<const Element*>(lent) + count);
    return;
  }
  if constexpr (sizeof(Element) == 1) {
    if (count <= kPiece) return decoder.assign(value, count);
  }
  value.clear();
  value.reserve(count);
  for (std::size_t done = 0; done < count;) {
    const std::size_t more = (std::min)(kPiece, count - done);
    value.resize(done + more);
    decoder.bytes(value.data() + done, more * sizeof(Element));
    done += more;
  }
}

/// Reads the count of a container that allocates memory for each element.
template <class T, class... Part>
std::size_t get_count(Decoder& decoder, Types<Part...>) {
  constexpr bool has_nodes = !requires(T& t) { t[std::size_t{0}]; } || kKind<T> != Kind::sequence;
  constexpr std::size_t each = sizeof(typename T::value_type) + (has_nodes ? kNodeBytes : 0);
  const std::size_t count = decoder.length(each, (std::size_t{0} + ... + kLeastWireSize<Part>));
  if constexpr (has_nodes) {
    if (count != 0) decoder.charge(1, kFirstBytes);
  } else if constexpr (requires(T& t, typename T::value_type& v) { t.push_front(v); }) {
    decoder.charge(1, kDequeBytes);
  }
  return count;
}

template <class T>
void get_sequence(Decoder& decoder, T& value) {
  using Element = typename T::value_type;
  const std::size_t count = get_count<T>(decoder, parts_of<T>());
  value.clear();
  if constexpr (requires { value.reserve(count); }) value.reserve(count);
  if constexpr (ForwardListLike<T>) {
    auto last = value.before_begin();
    for (std::size_t i = 0; i < count; ++i) last = value.insert_after(last, get<Element>(decoder));
  } else if constexpr (kComesWhole<Element>) {
    for (std::size_t i = 0; i < count; ++i) value.push_back(get<Element>(decoder));
  } else {
    for (std::size_t i = 0; i < count; ++i) get_into(decoder, value.emplace_back());
  }
}

template <class T>
void get_associative(Decoder& decoder, T& value) {
  const std::size_t count = get_count<T>(decoder, parts_of<T>());
  value.clear();
  if constexpr (requires { value.reserve(count); }) value.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    // The sender's container is in order, so the end is the right hint.
    if constexpr (kKind<T> == Kind::map) {
      auto key = get<typename T::key_type>(decoder);
      value.emplace_hint(value.end(), std::move(key), get<typename T::mapped_type>(decoder));
    } else {
      value.insert(value.end(), get<typename T::key_type>(decoder));
    }
  }
}

template <class T>
void get_fields(Decoder& decoder, T& value) {
  if constexpr (kWireSize<T> == kVariable) decoder.enter();
  visit_fields(value, [&](auto&... field) {
    if constexpr (sizeof...(field) == 0) get_nothing(decoder);
    (get_into(decoder, field), ...);
  });
  if constexpr (kWireSize<T> == kVariable) decoder.leave();
}

template <class... E>
void get_variant(Decoder& decoder, std::variant<E...>& value) {
  const auto index = decoder.scalar<std::uint16_t>();
  if (index >= sizeof...(E)) decoder.fail("a variant's index is " + std::to_string(index));
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    static_cast<void>(((index == Index &&
                        (static_cast<void>(value.template emplace<Index>(get<std::remove_cv_t<E>>(decoder))), true)) ||
                       ...));
  }(std::index_sequence_for<E...>());
}

template <class T>
T get_custom(Decoder& decoder) {
  const std::size_t before = decoder.remaining();
  decoder.enter();
  T value = Codec<T>::decode(decoder);
  decoder.leave();
  if (decoder.remaining() == before) get_nothing(decoder);
  return value;
}

template <class T, class... Part>
T get_tuple(Decoder& decoder, Types<Part...>) {
  if constexpr (sizeof...(Part) == 0) get_nothing(decoder);
  return T{get<Part>(decoder)...};  // braces: in this order
}

template <class T>
T get(Decoder& decoder) {
  constexpr Kind kind = kKind<T>;
  if constexpr (kind == Kind::scalar) {
    return decoder.scalar<T>();
  } else if constexpr (kind == Kind::enumeration) {
    return static_cast<T>(decoder.scalar<std::underlying_type_t<T>>());
  } else if constexpr (kind == Kind::custom) {
    return get_custom<T>(decoder);
  } else if constexpr (kind == Kind::shared_buffer) {
    return LoanAccess::make<T>(decoder.shared_block(sizeof(typename T::value_type)));
  } else if constexpr (kind == Kind::path) {
    return T(get<typename T::string_type>(decoder));
  } else if constexpr (kind == Kind::tuple) {
    return get_tuple<T>(decoder, parts_of<T>());
  } else if constexpr (kind == Kind::complex) {
    const auto real = decoder.scalar<typename T::value_type>();
    return T(real, decoder.scalar<typename T::value_type>());
  } else if constexpr (kind == Kind::duration) {
    return T(get<typename T::rep>(decoder));
  } else if constexpr (kind == Kind::time_point) {
    return T(get<typename T::duration>(decoder));
  } else {
    T value{};
    get_into(decoder, value);
    return value;
  }
}

template <class T>
void get_into(Decoder& decoder, T& value) {
  constexpr Kind kind = kKind<T>;
  if constexpr (kComesWhole<T>) {
    value = get<T>(decoder);
  } else if constexpr (kIsBulk<T>) {
    decoder.bytes(std::addressof(value), sizeof(T));
  } else if constexpr (kind == Kind::aggregate) {
    get_fields(decoder, value);
  } else if constexpr (kind == Kind::text) {
    get_block(decoder, value);
  } else if constexpr (kind == Kind::sequence) {
    if constexpr (kIsBulk<typename T::value_type> && requires { value.data(); }) {
      get_block(decoder, value);
    } else {
      get_sequence(decoder, value);
    }
  } else if constexpr (kind == Kind::set || kind == Kind::map) {
    get_associative(decoder, value);
  } else if constexpr (kind == Kind::array) {
    if constexpr (kExtent<T> == 0) {
      get_nothing(decoder);
    } else {
      for (auto& element : value) get_into(decoder, element);
    }
  } else if constexpr (kind == Kind::optional) {
    using Held = std::remove_cv_t<typename T::value_type>;
    if (!decoder.scalar<bool>()) {
      value.reset();
    } else if constexpr (kComesWhole<Held> || std::is_const_v<typename T::value_type>) {
      value.emplace(get<Held>(decoder));
    } else {
      get_into(decoder, value.emplace());
    }
  } else if constexpr (kind == Kind::variant) {
    get_variant(decoder, value);
  }
}

}  // namespace coproc::inline v0::detail
