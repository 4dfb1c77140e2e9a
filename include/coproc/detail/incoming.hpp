// The destination of a received value, without its type. The templates of a messenger pass it to the library.
//
// Thread safety: values.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "coproc/codec.hpp"
#include "coproc/detail/message_access.hpp"
#include "coproc/message.hpp"
#include "coproc/type_info.hpp"

namespace coproc::inline v0::detail {

/// What a messenger has to know of the type of a value that it receives, and of the object that it is put into.
struct IncomingTraits {
  const TypeInfo* type = nullptr;       // null if the whole message is wanted
  std::size_t block = 0;                // the size of a value whose bytes in memory are its encoding; otherwise 0
  void* (*place)(void* out) = nullptr;  // where these bytes are written; null: to `out` itself
  void* (*places)(void* out, std::size_t count) = nullptr;  // gives a list this size, and returns its first element
  void (*decode)(Decoder&, void* out) = nullptr;            // decodes any other value
  MessageParts& (*new_message)(void* out) = nullptr;        // makes a message whose parts are to be filled
  void (*clear)(void* out) = nullptr;                       // removes the values that were put
};

struct Incoming {
  void* out;
  const IncomingTraits* traits;

  /// REQUIRES: traits->block != 0.
  void* place_of_block() const { return traits->place == nullptr ? out : traits->place(out); }
};

/// The functions that `IncomingTraits` needs for a destination `Out` of values: std::optional<T>, std::vector<T>, or T
/// itself.
template <class T, class Out>
struct Sink {
  static constexpr bool kIsList = std::is_same_v<Out, std::vector<T>>;
  static constexpr bool kIsValue = std::is_same_v<Out, T>;

  static void put(T&& value, void* out) {
    if constexpr (kIsList) {
      static_cast<Out*>(out)->push_back(std::move(value));
    } else if constexpr (kIsValue) {
      *static_cast<Out*>(out) = std::move(value);
    } else {
      static_cast<Out*>(out)->emplace(std::move(value));
    }
  }
  static void* place(void* out) {
    if constexpr (kIsList) {
      return &static_cast<Out*>(out)->emplace_back();
    } else {
      return &static_cast<Out*>(out)->emplace();
    }
  }
  static void* places(void* out, std::size_t count) {
    static_cast<Out*>(out)->resize(count);
    return static_cast<Out*>(out)->data();
  }
  static void decode(Decoder& decoder, void* out) { put(coproc::decode<T>(decoder), out); }
  static MessageParts& new_message(void* out) {
    if constexpr (kIsList) {
      static_cast<Out*>(out)->push_back(MessageAccess::make());
      return MessageAccess::parts(static_cast<Out*>(out)->back());
    } else if constexpr (kIsValue) {
      return MessageAccess::parts(*static_cast<Out*>(out));
    } else {
      return MessageAccess::parts(static_cast<Out*>(out)->emplace(MessageAccess::make()));
    }
  }
  static void clear(void* out) {
    if constexpr (kIsList) {
      static_cast<Out*>(out)->clear();
    } else if constexpr (!kIsValue) {
      static_cast<Out*>(out)->reset();
    }
  }
};

template <class T, class Out>
constexpr IncomingTraits incoming_traits() noexcept {
  using To = Sink<T, Out>;
  IncomingTraits in{.clear = To::clear};
  if constexpr (std::is_same_v<T, Message>) {
    in.new_message = To::new_message;
  } else {
    in.type = &type_info<T>;
    in.decode = To::decode;
    if constexpr (kIsBulk<T>) {
      in.block = sizeof(T);
      if constexpr (!To::kIsValue) in.place = To::place;
      if constexpr (To::kIsList) in.places = To::places;
    }
  }
  return in;
}
template <class T, class Out>
inline constexpr IncomingTraits kIncomingTraits = incoming_traits<T, Out>();

template <class T, class Out>
Incoming incoming(Out& out) noexcept {
  return {&out, &kIncomingTraits<T, Out>};
}

/// The types that a receive can return: Message, and the types that can be sent.
template <class T>
constexpr void check_receivable() {
  if constexpr (!std::is_same_v<T, Message>) {
    check_encodable<T>();
    static_assert(std::is_same_v<T, wire_t<T>>,
                  "coproc: receive text as std::string and arrays as std::vector: views and literals arrive as these");
  }
}

}  // namespace coproc::inline v0::detail
