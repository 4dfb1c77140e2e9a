// The numbers of messages that were sent and received on one channel.
#pragma once

#include <cstddef>

namespace coproc::inline v0 {

/// Counts of messages, as one end of a link sees them, since the link was made.
struct ChannelCounts {
  std::size_t sent = 0;      ///< messages that were sent, including requests and replies
  std::size_t received = 0;  ///< messages that were returned to the user, including replies
  std::size_t requests = 0;  ///< requests that were sent
  std::size_t replies = 0;   ///< replies that were returned to the user and answered one of these requests
  std::size_t replaced = 0;  ///< messages that a newer one has replaced, since this end keeps the latest one only

  /// The number of requests that are not answered yet. It never wraps around, whatever a peer sends.
  constexpr std::size_t remaining() const noexcept { return requests > replies ? requests - replies : 0; }

  friend constexpr bool operator==(const ChannelCounts&, const ChannelCounts&) noexcept = default;
};

}  // namespace coproc::inline v0
