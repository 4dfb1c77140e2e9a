// The channels and types that the peer has declared, by the numbers that stand for them in its frames.
//
// Declarations are untrusted: each is parsed from a private copy, and a NameBudget bounds all of them together.
//
// Thread safety: none; one thread at a time, which Core ensures.
// Invariants: until `forget_channels`, number 0 is the default channel. The peer's other channels, and its types, have
// the numbers from 1, in the order of their declarations. A channel's `last_match` is either its default or a match
// that `look_up` has found. It stays valid, since numbers never change; `forget_channels` resets it. Numbers from
// kEarlier on are of types that earlier peers have declared: frames with such a number are invalid. A channel that
// keeps the latest message only has no match, so that its messages go through the inbox.
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
  /// The size limit of one declaration, in bytes.
  static constexpr std::size_t kMaxDeclarationBytes = 2 * ChannelId::kMaxBytes;

  /// `max_bytes`: see NameBudget. The channels and the peer must outlive this.
  PeerNames(Channels& channels, std::size_t max_bytes, const Peer& peer)
      : all_channels_(channels), budget_(max_bytes), peer_(peer), channels_{&channels.at(0)} {}

  /// Adds the channel or type that a frame of the kind `channel` or `type` declares. Throws ProtocolError.
  void add_declaration(link::FrameKind kind, std::span<const std::byte> payload);
  /// Drops the numbers of all channels. Call when the peer has sent its end: messages that follow are then rejected for
  /// their unknown channel, and need no check of their own.
  void forget_channels() noexcept;

  /// The channel of this number, or null if it was not declared.
  Channel* channel(std::uint32_t number) const noexcept {
    return number < channels_.size() ? channels_[number] : nullptr;
  }
  bool has_type(std::uint32_t number) const noexcept { return number - 1 < types_.size(); }
  /// REQUIRES: has_type(number), or add_earlier() has returned the number.
  const std::shared_ptr<const RemoteType>& type(std::uint32_t number) const noexcept {
    if (number >= kEarlier) [[unlikely]]
      return earlier_[number - kEarlier];
    return types_[number - 1];
  }
  /// Adds a type that an earlier peer has declared, and returns its number here, which the present peer cannot use.
  std::uint32_t add_earlier(const std::shared_ptr<const RemoteType>& type);
  /// The number of a type that `type()` has returned; 0 for null.
  std::uint32_t number_of(const std::shared_ptr<const RemoteType>& type) const noexcept;

  /// Whether a frame has this channel and this type. `type`: null means any declared type.
  bool match(const link::FrameHeader& header, Channel& channel, const TypeInfo* type) noexcept {
    const Channel::Match asked{header.channel, header.type, type == nullptr ? 0 : type->id};
    return asked == channel.last_match || look_up(asked, channel);
  }

 private:
  /// The numbers of the types of earlier peers. The peer can declare far fewer of its own.
  static constexpr std::uint32_t kEarlier = std::uint32_t{1} << 31;

  bool look_up(const Channel::Match& asked, Channel& channel) noexcept;

  Channels& all_channels_;
  NameBudget budget_;
  const Peer& peer_;
  std::vector<Channel*> channels_;
  std::vector<std::shared_ptr<const RemoteType>> types_;
  std::vector<std::shared_ptr<const RemoteType>> earlier_;
};

}  // namespace coproc::inline v0::detail
