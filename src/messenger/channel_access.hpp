// The messenger's access to the private parts of a ChannelId: to declare a channel to the peer and to look one up.
//
// Thread safety: free functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "coproc/channel.hpp"

namespace coproc::inline v0::detail {

struct ChannelAccess {
  static void encode(Encoder& encoder, const ChannelId& id);
  /// Throws DecodeError if the bytes are not a valid channel name.
  static ChannelId decode(Decoder& decoder);
  /// The size in bytes of a name that is a text or an encoded value; 0 for other names.
  static std::size_t text_bytes(const ChannelId& id) noexcept { return id.text_.size(); }
  /// A cheap hash, which ignores texts: all names that are texts share a few values.
  static std::size_t hash_of_number(const ChannelId& id) noexcept {
    return id.number_ ^ (id.type_ >> 32) ^ static_cast<std::uint64_t>(id.kind_);
  }
};

}  // namespace coproc::inline v0::detail
