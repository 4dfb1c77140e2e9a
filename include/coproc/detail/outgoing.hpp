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

struct Outgoing {
  const void* value;
  void (*encode)(Encoder&, const void*);
  const TypeInfo* type;
  std::optional<Priority> priority;
  std::size_t size_hint;  // in bytes; exact if it is known at compile time
  bool is_block;          // the value's bytes in memory are its encoding
};

template <class T>
concept HasPriority = requires(const T& value) {
  { Priority(value.priority) };
};

template <class T>
Outgoing outgoing(const T& value) noexcept {
  Outgoing out{&value,
               [](Encoder& encoder, const void* v) { coproc::encode(encoder, *static_cast<const T*>(v)); },
               &type_info<T>,
               std::nullopt,
               64,
               kIsBulk<wire_t<T>> && std::is_same_v<T, wire_t<T>>};
  if constexpr (HasPriority<T>) out.priority = Priority(value.priority);
  if constexpr (is_fixed_size<wire_t<T>>) out.size_hint = fixed_size<wire_t<T>>;
  return out;
}

}  // namespace coproc::inline v0::detail
