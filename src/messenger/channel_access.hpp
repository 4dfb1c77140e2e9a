// How messengers declare a channel to their peer, and find it again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "coproc/channel.hpp"

namespace coproc::inline v0::detail {

struct ChannelAccess {
  static void encode(Encoder& encoder, const ChannelId& id);
  /// Throws DecodeError for bytes that make no name of a channel.
  static ChannelId decode(Decoder& decoder);
  /// The bytes of a name that is a text or an encoded value; else 0.
  static std::size_t text_bytes(const ChannelId& id) noexcept { return id.text_.size(); }
  /// A hash that does not look at the text, so that all names that are text share a few values.
  static std::size_t hash_of_number(const ChannelId& id) noexcept {
    return id.number_ ^ (id.type_ >> 32) ^ static_cast<std::uint64_t>(id.kind_);
  }
};

}  // namespace coproc::inline v0::detail
