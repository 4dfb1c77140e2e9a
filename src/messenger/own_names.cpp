#include "messenger/own_names.hpp"

#include <string>

#include "coproc/codec.hpp"
#include "coproc/errors.hpp"
#include "messenger/channel_access.hpp"

namespace coproc::inline v0::detail {

/// Throws InvalidArgumentError if the peer would reject the declaration as one too many. This end's user can do
/// something about it; the peer cannot.
void OwnNames::check_budget(std::size_t payload) const {
  if (budget_.has_room_for(payload)) return;
  throw InvalidArgumentError("the channels and types used on the link to " + peer_.name + " take more than the " +
                             std::to_string(budget_.max()) +
                             " bytes that LinkOptions::max_queued_bytes allows: reuse channels, or raise it");
}

Buffer OwnNames::encode_declaration(const Channel& channel) const {
  if (ChannelAccess::text_bytes(channel.id) > ChannelId::kMaxBytes) {
    throw InvalidArgumentError("the channel name " + channel.id.describe().substr(0, 64) +
                               "... has more than 4096 bytes");
  }
  if (channels_ == kMaxChannels) {
    throw InvalidArgumentError(
        "more than 1048576 channels on one link: reuse channels, and tell messages apart by their request ids or "
        "contents");
  }
  Buffer bytes;
  {
    Encoder encoder(bytes, 2 * ChannelId::kMaxBytes);
    ChannelAccess::encode(encoder, channel.id);
  }
  check_budget(bytes.size());
  return bytes;
}

Buffer OwnNames::encode_declaration(std::uint64_t type_id, const std::string& description) {
  Buffer bytes;
  {
    Encoder encoder(bytes, 2048);
    coproc::encode(encoder, type_id);
    coproc::encode(encoder, description.substr(0, 1000));
  }
  check_budget(bytes.size());
  type_numbers_.emplace(type_id, 0);  // it may throw, so it must come before the send
  return bytes;
}

std::uint32_t OwnNames::note_declared(Channel& channel, std::size_t payload) noexcept {
  budget_.charge(payload);
  return channel.number = ++channels_;
}

std::uint32_t OwnNames::note_declared(std::uint64_t type_id, std::size_t payload) noexcept {
  budget_.charge(payload);
  type_numbers_.find(type_id)->second = ++types_;
  last_type_id_ = type_id;
  return last_type_number_ = types_;
}

std::uint32_t OwnNames::number_of(std::uint64_t type_id) noexcept {
  const auto at = type_numbers_.find(type_id);
  if (at == type_numbers_.end() || at->second == 0) return 0;
  last_type_id_ = type_id;
  return last_type_number_ = at->second;
}

}  // namespace coproc::inline v0::detail
