// What a link's peer is told once, so that numbers stand for it afterwards: channels and types.
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;

namespace {

constexpr std::uint32_t kMaxDeclared = 1u << 20;

}  // namespace

/// What the peer would take for a breach of the rules is refused here, where it can still be told to the right one.
void Core::check_own_declaration(std::size_t payload) const {
  if (declaration_cost(payload) <= max_declared_bytes() - own_declared_bytes_) return;
  throw InvalidArgumentError("the channels and types used on the link to " + options_.peer_name +
                             " take more than the " + std::to_string(max_declared_bytes()) +
                             " bytes that LinkOptions::max_queued_bytes allows: reuse channels, or raise it");
}

std::uint32_t Core::declare_channel(std::uint32_t index, const ChannelId& id, const os::Deadline& deadline) {
  if (id.text_bytes() > ChannelId::kMaxBytes || channels_declared_ == kMaxDeclared) {
    throw InvalidArgumentError(
        id.text_bytes() > ChannelId::kMaxBytes
            ? "the channel name " + id.describe().substr(0, 64) + "... has more than 4096 bytes"
            : "more than 1048576 channels on one link: reuse channels, and tell messages apart by "
              "their request ids or contents");
  }
  Buffer bytes;
  Encoder encoder(bytes, 2 * ChannelId::kMaxBytes);
  id.encode(encoder);
  FrameHeader header;
  header.kind = FrameKind::channel;
  check_own_declaration(encoder.written().size());
  send_bytes(header, encoder.written(), deadline);
  own_declared_bytes_ += declaration_cost(encoder.written().size());
  if (channel_numbers_.size() <= index) channel_numbers_.resize(index + 1);
  return channel_numbers_[index] = ++channels_declared_;
}

std::uint32_t Core::look_up_type(const TypeInfo& type, const os::Deadline& deadline) {
  std::uint32_t number = 0;
  if (auto at = type_numbers_.find(&type); at != type_numbers_.end()) {
    number = at->second;
  } else {
    number = declare_type(type.id, type.describe(), deadline);
    type_numbers_.emplace(&type, number);
  }
  last_type_ = &type;
  last_type_number_ = number;
  return number;
}

std::uint32_t Core::declare_type(std::uint64_t id, const std::string& description, const os::Deadline& deadline) {
  // Shared libraries may hold TypeInfo objects of their own for one type: the id decides.
  if (auto at = type_numbers_by_id_.find(id); at != type_numbers_by_id_.end()) return at->second;
  Buffer bytes;
  Encoder encoder(bytes, 2048);
  coproc::encode(encoder, id);
  coproc::encode(encoder, description.substr(0, 1000));
  FrameHeader header;
  header.kind = FrameKind::type;
  check_own_declaration(encoder.written().size());
  send_bytes(header, encoder.written(), deadline);
  own_declared_bytes_ += declaration_cost(encoder.written().size());
  type_numbers_by_id_.emplace(id, ++types_declared_);
  return types_declared_;
}

}  // namespace coproc::inline v0::detail
