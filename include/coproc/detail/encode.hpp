// Encodes values of every kind of type.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>

#include "coproc/detail/wire_size.hpp"
#include "coproc/encoder.hpp"

namespace coproc::inline v0::detail {

[[noreturn]] COPROC_API void throw_valueless();

template <class T>
void put(Encoder& encoder, const T& value);

/// Writes elements that are contiguous in memory: as one block if their bytes in memory are their encoding.
template <class Range>
void put_block(Encoder& encoder, const Range& range) {
  using Element = std::remove_cv_t<typename Range::value_type>;
  if constexpr (kIsBulk<Element>) {
    encoder.block(range.data(), range.size(), sizeof(Element));
  } else {
    encoder.length(range.size());
    for (const auto& element : range) put<Element>(encoder, element);
  }
}

template <class T>
void put_container(Encoder& encoder, const T& value) {
  if constexpr (requires { value.size(); }) {
    encoder.length(value.size());
  } else {
    std::size_t count = 0;
    for (auto at = value.begin(); at != value.end(); ++at) ++count;
    encoder.length(count);
  }
  if constexpr (kKind<T> == Kind::map) {
    for (const auto& [key, mapped] : value) {
      put<typename T::key_type>(encoder, key);
      put<typename T::mapped_type>(encoder, mapped);
    }
  } else {
    for (const auto& element : value) put<std::remove_cv_t<typename T::value_type>>(encoder, element);
  }
}

template <class T>
void put_fields(Encoder& encoder, const T& value) {
  // Only types without a fixed size can contain values of their own type.
  if constexpr (kWireSize<T> == kVariable) encoder.enter();
  visit_fields(value, [&](const auto&... field) {
    if constexpr (sizeof...(field) == 0) encoder.scalar(std::uint8_t{0});
    (put<std::remove_cvref_t<decltype(field)>>(encoder, field), ...);
  });
  if constexpr (kWireSize<T> == kVariable) encoder.leave();
}

template <class T>
void put_custom(Encoder& encoder, const T& value) {
  const std::size_t before = encoder.size();
  encoder.enter();
  Codec<T>::encode(encoder, value);
  encoder.leave();
  if (encoder.size() == before) encoder.scalar(std::uint8_t{0});  // every value takes at least one byte
}

template <class T>
void put(Encoder& encoder, const T& value) {
  constexpr Kind kind = kKind<T>;
  if constexpr (kind == Kind::scalar) {
    encoder.scalar(value);
  } else if constexpr (kind == Kind::enumeration) {
    encoder.scalar(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (kIsBulk<T>) {
    encoder.bytes(std::addressof(value), sizeof(T));
  } else if constexpr (kind == Kind::custom) {
    put_custom(encoder, value);
  } else if constexpr (kind == Kind::aggregate) {
    put_fields(encoder, value);
  } else if constexpr (kind == Kind::text || kind == Kind::sequence || kind == Kind::set || kind == Kind::map) {
    if constexpr (requires { value.data(); }) {
      put_block(encoder, value);
    } else {
      put_container(encoder, value);
    }
  } else if constexpr (kind == Kind::shared_buffer) {
    encoder.block(LoanAccess::handle_of(value), value.size());
  } else if constexpr (kind == Kind::path) {
    put<typename T::string_type>(encoder, value.native());
  } else if constexpr (kind == Kind::array) {
    if constexpr (kExtent<T> == 0) {
      encoder.scalar(std::uint8_t{0});
    } else {
      for (const auto& element : value) put<std::remove_cvref_t<decltype(element)>>(encoder, element);
    }
  } else if constexpr (kind == Kind::optional) {
    encoder.scalar(value.has_value());
    if (value) put<std::remove_cv_t<typename T::value_type>>(encoder, *value);
  } else if constexpr (kind == Kind::variant) {
    if (value.valueless_by_exception()) throw_valueless();
    encoder.scalar(static_cast<std::uint16_t>(value.index()));
    std::visit([&](const auto& held) { put<std::remove_cvref_t<decltype(held)>>(encoder, held); }, value);
  } else if constexpr (kind == Kind::tuple) {
    std::apply(
        [&](const auto&... part) {
          if constexpr (sizeof...(part) == 0) encoder.scalar(std::uint8_t{0});
          (put<std::remove_cvref_t<decltype(part)>>(encoder, part), ...);
        },
        value);
  } else if constexpr (kind == Kind::complex) {
    encoder.scalar(value.real());
    encoder.scalar(value.imag());
  } else if constexpr (kind == Kind::duration) {
    put<typename T::rep>(encoder, value.count());
  } else if constexpr (kind == Kind::time_point) {
    put<typename T::duration>(encoder, value.time_since_epoch());
  }
}

}  // namespace coproc::inline v0::detail
