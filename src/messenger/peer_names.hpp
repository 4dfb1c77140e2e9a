// The channels and types that the peer has declared, by the numbers that stand for them in its frames.
//
// The peer is not trusted: a declaration is parsed from a private copy, and all of them together are bounded.
//
// Thread safety: none; the core's. Invariants: channel 0 is the default channel until `forget_channels`; the peer's
// other channels and its types have numbers from 1, in the order of their declarations. A channel's last match is one
// that `look_up` has found to be true, and what makes it true is never changed, but by `forget_channels`, which drops
// all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "coproc/message.hpp"
#include "coproc/type_info.hpp"
#include "link/frame.hpp"
#include "messenger/channels.hpp"
#include "messenger/name_budget.hpp"
#include "messenger/peer.hpp"

namespace coproc::inline v0::detail {

class PeerNames {
 public:
  /// The most bytes of one declaration.
  static constexpr std::size_t kMaxDeclarationBytes = 2 * ChannelId::kMaxBytes;

  /// `max_bytes`: see NameBudget. The channels and the peer must outlive this.
  PeerNames(Channels& channels, std::size_t max_bytes, const Peer& peer)
      : all_channels_(channels), budget_(max_bytes), peer_(peer), channels_{&channels.at(0)} {}

  /// A frame of the kind `channel` or `type`. Throws ProtocolError.
  void take(link::FrameKind kind, std::span<const std::byte> payload);
  /// The peer has sent its end: a message that follows names no channel any more, and is refused without a check of its
  /// own.
  void forget_channels() noexcept;

  /// The channel or type of this number, or null: it was not declared.
  Channel* channel(std::uint32_t number) const noexcept {
    return number < channels_.size() ? channels_[number] : nullptr;
  }
  bool has_type(std::uint32_t number) const noexcept { return number - 1 < types_.size(); }
  /// REQUIRES: has_type(number).
  const std::shared_ptr<const RemoteType>& type(std::uint32_t number) const noexcept { return types_[number - 1]; }
  /// The number of what `type` has returned, or 0 for null.
  std::uint32_t number_of(const std::shared_ptr<const RemoteType>& type) const noexcept;

  /// Whether a frame is of this channel and of this type (null: of any type that was declared).
  bool match(const link::FrameHeader& header, Channel& channel, const TypeInfo* type) noexcept {
    const Channel::Match asked{header.channel, header.type, type == nullptr ? 0 : type->id};
    return asked == channel.last_match || look_up(asked, channel);
  }

 private:
  bool look_up(const Channel::Match& asked, Channel& channel) noexcept;

  Channels& all_channels_;
  NameBudget budget_;
  const Peer& peer_;
  std::vector<Channel*> channels_;
  std::vector<std::shared_ptr<const RemoteType>> types_;
};

}  // namespace coproc::inline v0::detail
