// The form in which the module sends a Python object: bytes and buffers.
//
// A pickle is cut where it has large parts: these follow as blocks, which a link lends instead of copying them.
#pragma once

#include <coproc/codec.hpp>
#include <coproc/shared_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coproc_python {

using Memory = coproc::SharedBuffer<std::byte>;

/// How a Value is turned into an object.
enum class Kind : std::uint8_t {
  pickle,      // the head is a pickle; `parts` are its large pieces, `buffers` the buffers that it refers to
  bytes,       // buffers[0] is the object
  bytearray,   // buffers[0] is the object
  memoryview,  // the head is the pickle of (format, shape); buffers[0] is the memory
  plain,       // the head is in the format of plain.hpp
  packed,      // the head is MessagePack, or, if there is no head, buffers[0]. Only this kind is safe to decode
};

/// Memory of the sender, which must stay valid until it is sent.
struct Piece {
  const void* data = nullptr;
  std::size_t size = 0;
  const Memory* shared = nullptr;  // if these bytes are all of a shared memory, it is lent
};

/// Sent from `out_*`, received into `in_*`.
struct Value {
  Kind kind = Kind::pickle;
  Piece head;
  std::vector<Piece> out_parts, out_buffers;

  std::string in_head;
  std::vector<Memory> in_parts, in_buffers;
};

/// A value as MessagePack, for programs in other languages (coproc/msgpack.hpp).
struct Packed {
  Piece out;
  Memory in;
};

/// Appends the encoding of a plain Value with this head.
void append_plain_value(coproc::detail::Buffer& out, std::string_view head);

}  // namespace coproc_python

template <>
struct coproc::Codec<coproc_python::Value> {
  static constexpr std::string_view name = "coproc.python.value";
  static void encode(Encoder& encoder, const coproc_python::Value& value);
  static coproc_python::Value decode(Decoder& decoder);
};

template <>
struct coproc::Codec<coproc_python::Packed> {
  static constexpr std::string_view name = "coproc.msgpack";
  static void encode(Encoder& encoder, const coproc_python::Packed& value);
  static coproc_python::Packed decode(Decoder& decoder);
};
