#include "messenger/peer_names.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "coproc/codec.hpp"
#include "coproc/detail/buffer.hpp"
#include "messenger/channel_access.hpp"

namespace coproc::inline v0::detail {

void PeerNames::add_declaration(link::FrameKind kind, std::span<const std::byte> payload) {
  if (payload.size() > kMaxDeclarationBytes || !budget_.has_room_for(payload.size())) {
    peer_.throw_broken_rule("its declared channels and types take more than the " + std::to_string(budget_.max()) +
                            " bytes that LinkOptions::max_queued_bytes allows");
  }
  Buffer bytes;  // a private copy; declarations are rare
  bytes.append(payload.data(), payload.size());
  Decoder decoder(bytes.span(), std::size_t{64} << 10);
  try {
    if (kind == link::FrameKind::channel) {
      const ChannelId id = ChannelAccess::decode(decoder);
      decoder.finish();
      channels_.push_back(&all_channels_.of(id));
    } else {
      auto type = std::make_shared<RemoteType>();
      type->id = coproc::decode<std::uint64_t>(decoder);
      type->description = coproc::decode<std::string>(decoder);
      decoder.finish();
      types_.push_back(std::move(type));
    }
  } catch (const DecodeError& error) {
    peer_.throw_broken_rule(std::string("it declared a channel or type that cannot be read: ") + error.what());
  }
  budget_.charge(payload.size());
}

std::uint32_t PeerNames::number_of(const std::shared_ptr<const RemoteType>& type) const noexcept {
  if (type == nullptr) return 0;
  if (const auto earlier = std::find(earlier_.begin(), earlier_.end(), type); earlier != earlier_.end())
    return kEarlier + static_cast<std::uint32_t>(earlier - earlier_.begin());
  return static_cast<std::uint32_t>(std::find(types_.begin(), types_.end(), type) - types_.begin()) + 1;
}

std::uint32_t PeerNames::add_earlier(const std::shared_ptr<const RemoteType>& type) {
  if (std::find(earlier_.begin(), earlier_.end(), type) == earlier_.end()) earlier_.push_back(type);
  return number_of(type);
}

void PeerNames::forget_channels() noexcept {
  for (Channel* const channel : channels_) channel->last_match = {};
  channels_.clear();
}

bool PeerNames::look_up(const Channel::Match& asked, Channel& of) noexcept {
  if (of.keeps_latest) return false;  // a newer message may be behind the one in the link
  if (channel(asked.channel) != &of || !has_type(asked.type)) return false;
  if (asked.type_id != 0 && type(asked.type)->id != asked.type_id) return false;
  of.last_match = asked;
  return true;
}

}  // namespace coproc::inline v0::detail
