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
  if (ChannelAccess::text_bytes(id) > ChannelId::kMaxBytes || channels_declared_ == kMaxDeclared) {
    throw InvalidArgumentError(
        ChannelAccess::text_bytes(id) > ChannelId::kMaxBytes
            ? "the channel name " + id.describe().substr(0, 64) + "... has more than 4096 bytes"
            : "more than 1048576 channels on one link: reuse channels, and tell messages apart by "
              "their request ids or contents");
  }
  Buffer bytes;
  Encoder encoder(bytes, 2 * ChannelId::kMaxBytes);
  ChannelAccess::encode(encoder, id);
  FrameHeader header;
  header.kind = FrameKind::channel;
  check_own_declaration(encoder.written().size());
  if (channel_numbers_.size() <= index) channel_numbers_.resize(index + 1);  // before the peer counts it
  send_bytes(header, encoder.written(), deadline);
  own_declared_bytes_ += declaration_cost(encoder.written().size());
  return channel_numbers_[index] = ++channels_declared_;
}

std::uint32_t Core::look_up_type(const TypeInfo& type, const os::Deadline& deadline) {
  auto at = type_numbers_.find(type.id);
  if (at == type_numbers_.end()) {
    Buffer bytes;
    Encoder encoder(bytes, 2048);
    coproc::encode(encoder, type.id);
    coproc::encode(encoder, type.describe().substr(0, 1000));
    FrameHeader header;
    header.kind = FrameKind::type;
    check_own_declaration(encoder.written().size());
    at = type_numbers_.emplace(type.id, 0).first;  // what may throw comes before the peer counts it
    try {
      send_bytes(header, encoder.written(), deadline);
    } catch (...) {
      type_numbers_.erase(at);
      throw;
    }
    own_declared_bytes_ += declaration_cost(encoder.written().size());
    at->second = ++types_declared_;
  }
  last_type_id_ = type.id;
  return last_type_number_ = at->second;
}

}  // namespace coproc::inline v0::detail
