// Declares a channel or a type to the peer before the first message that uses it.
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;

std::uint32_t Core::declare_channel(Channel& channel, const os::Deadline& deadline) {
  const Buffer bytes = own_names_.encode_declaration(channel);
  FrameHeader header;
  header.kind = FrameKind::channel;
  send_bytes(header, bytes.span(), deadline);
  return own_names_.note_declared(channel, bytes.size());
}

std::uint32_t Core::look_up_type(const TypeInfo& type, const os::Deadline& deadline) {
  if (const std::uint32_t number = own_names_.number_of(type); number != 0) return number;
  const Buffer bytes = own_names_.encode_declaration(type);
  FrameHeader header;
  header.kind = FrameKind::type;
  send_bytes(header, bytes.span(), deadline);
  return own_names_.note_declared(type, bytes.size());
}

}  // namespace coproc::inline v0::detail
