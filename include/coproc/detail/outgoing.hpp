// A value to be sent, without its type. The templates of a messenger pass it to the library.
//
// Thread safety: values.
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>

#include "coproc/codec.hpp"
#include "coproc/priority.hpp"
#include "coproc/type_info.hpp"

namespace coproc::inline v0::detail {

/// What a messenger has to know of the type of a value that it sends.
struct OutgoingTraits {
  void (*encode)(Encoder&, const void*);
  const TypeInfo* type;
  std::size_t size_hint;  // in bytes; exact if it is known at compile time
  bool is_block;          // the value's bytes in memory are its encoding
};

struct Outgoing {
  const void* value;
  const OutgoingTraits* traits;
  std::optional<Priority> priority;
};

template <class T>
concept HasPriority = requires(const T& value) {
  { Priority(value.priority) };
};

template <class T>
constexpr std::size_t size_hint_of() noexcept {
  if constexpr (is_fixed_size<wire_t<T>>) {
    return fixed_size<wire_t<T>>;
  } else {
    return 64;
  }
}

template <class T>
inline constexpr OutgoingTraits kOutgoingTraits{
    [](Encoder& encoder, const void* value) { coproc::encode(encoder, *static_cast<const T*>(value)); }, &type_info<T>,
    size_hint_of<T>(), kIsBulk<wire_t<T>>&& std::is_same_v<T, wire_t<T>>};

template <class T>
Outgoing outgoing(const T& value) noexcept {
  Outgoing out{&value, &kOutgoingTraits<T>, std::nullopt};
  if constexpr (HasPriority<T>) out.priority = Priority(value.priority);
  return out;
}

}  // namespace coproc::inline v0::detail
