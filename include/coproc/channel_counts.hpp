// How many messages went over one channel.
#pragma once

#include <cstddef>

namespace coproc::inline v0 {

/// Seen from one end of a link, since the link began; in messages.
struct ChannelCounts {
  std::size_t sent = 0;      ///< sent, requests and replies among them
  std::size_t received = 0;  ///< returned to the user, replies among them
  std::size_t requests = 0;  ///< requests sent
  std::size_t replies = 0;   ///< replies returned to the user that answered one of these requests

  /// Requests that are not answered yet. Never wraps, whatever a peer sends.
  constexpr std::size_t remaining() const noexcept { return requests > replies ? requests - replies : 0; }

  friend constexpr bool operator==(const ChannelCounts&, const ChannelCounts&) noexcept = default;
};

}  // namespace coproc::inline v0
