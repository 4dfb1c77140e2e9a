// Payloads that programs in any language understand: text, bytes, and MessagePack that nobody has unpacked.
//
// Thread safety: free functions over values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "coproc/c.h"
#include "coproc/codec.hpp"
#include "coproc/message.hpp"

namespace coproc::inline v0::c_api {

/// MessagePack as it is. It is sent from `out`, which must stay valid until then, and received into `in`.
struct Packed {
  std::string_view out;
  std::string in;
};

/// The kind of a message: one of c.h.
coproc_kind kind_of(const Message& message) noexcept;

/// A copy of the message's bytes, as c.h says for its kind. Throws DecodeError, and TypeMismatchError for another type
/// that came with lent memory.
std::string data_of(const Message& message, coproc_kind kind);

/// The text or bytes in a MessagePack of exactly one str or bin; nullopt: it is anything else.
std::optional<std::string_view> text_in(std::string_view packed) noexcept;

/// Appends a MessagePack str, or bin. REQUIRES: the text has less than 4 GiB.
void append_str(std::string& to, std::string_view text);
void append_bin(std::string& to, std::string_view bytes);

/// Calls `send` with a value that the peer receives as this kind: COPROC_TEXT, COPROC_BYTES or COPROC_MSGPACK.
template <class Send>
auto with_payload(coproc_kind kind, std::string_view data, Send send) {
  if (kind == COPROC_TEXT) return send(data);
  if (kind == COPROC_BYTES) return send(std::as_bytes(std::span(data)));
  return send(Packed{data, {}});
}

}  // namespace coproc::inline v0::c_api

template <>
struct coproc::Codec<coproc::c_api::Packed> {
  static constexpr std::string_view name = "coproc.msgpack";  // that of coproc/msgpack.hpp
  static void encode(Encoder& encoder, const c_api::Packed& value) {
    encoder.block(value.out.data(), value.out.size(), 1);
  }
  static c_api::Packed decode(Decoder& decoder);
};
