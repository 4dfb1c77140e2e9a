#include "value.hpp"

namespace coproc_python {

namespace {

constexpr std::uint8_t kHasMore = 0x80;  // in the byte of the kind: parts and buffers follow the head

void put(coproc::Encoder& encoder, const Piece& block) {
  if (block.shared != nullptr) {
    coproc::encode(encoder, *block.shared);
  } else {
    encoder.block(block.data, block.size, 1);
  }
}

void put_all(coproc::Encoder& encoder, const std::vector<Piece>& blocks) {
  encoder.length(blocks.size());
  for (const Piece& block : blocks) put(encoder, block);
}

}  // namespace

void append_plain_value(coproc::detail::Buffer& out, std::string_view head) {
  const auto kind = static_cast<std::uint8_t>(Kind::plain);
  const std::uint64_t size = head.size();
  out.append(&kind, sizeof kind);
  out.append(&size, sizeof size);
  out.append(head.data(), head.size());
}

}  // namespace coproc_python

using coproc_python::Kind;
using coproc_python::Memory;
using coproc_python::Packed;
using coproc_python::Value;

void coproc::Codec<Value>::encode(Encoder& encoder, const Value& value) {
  const bool has_more = !value.out_parts.empty() || !value.out_buffers.empty();
  encoder.scalar(
      static_cast<std::uint8_t>(static_cast<std::uint8_t>(value.kind) | (has_more ? coproc_python::kHasMore : 0)));
  encoder.length(value.head.size);
  encoder.bytes(value.head.data, value.head.size);
  if (!has_more) return;
  coproc_python::put_all(encoder, value.out_parts);
  coproc_python::put_all(encoder, value.out_buffers);
}

Value coproc::Codec<Value>::decode(Decoder& decoder) {
  Value value;
  const auto kind = decoder.scalar<std::uint8_t>();
  value.kind = static_cast<Kind>(kind & ~coproc_python::kHasMore);
  if (value.kind > Kind::packed)
    decoder.fail("there is no such kind of Python value: is the peer another version of coproc?");
  value.in_head = coproc::decode<std::string>(decoder);
  if ((kind & coproc_python::kHasMore) != 0) {
    value.in_parts = coproc::decode<std::vector<Memory>>(decoder);
    value.in_buffers = coproc::decode<std::vector<Memory>>(decoder);
  }
  const bool needs_buffer =
      value.kind == Kind::packed ? value.in_head.empty() : value.kind != Kind::pickle && value.kind != Kind::plain;
  if (needs_buffer && value.in_buffers.size() != 1) decoder.fail("a Python value comes without its buffer");
  return value;
}

void coproc::Codec<Packed>::encode(Encoder& encoder, const Packed& value) { coproc_python::put(encoder, value.out); }

Packed coproc::Codec<Packed>::decode(Decoder& decoder) {
  Packed value;
  value.in = coproc::decode<Memory>(decoder);
  return value;
}
