// What a Core is told about its link, its peer, and its own place.
//
// Thread safety: values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include "coproc/options.hpp"
#include "messenger/peer.hpp"

namespace coproc::inline v0::detail {

/// Which end this is. It decides what a close request and the end of the peer mean.
enum class Role { pair, host, worker };

struct CoreOptions {
  Role role = Role::pair;
  bool reorders = true;
  LinkOptions link;
  Peer peer = {};                   // for the texts of errors
  std::size_t max_state_bytes = 0;  // of a state that this end saves; 0: the peer keeps none
  /// Throws the error that reports the end of the peer to the user. Called by a receive that finds nothing more, or by
  /// a send.
  std::function<void()> throw_gone;
};

/// The limit on the memory that declared names, and on the memory that unanswered requests take at this end, in bytes
/// each. It is the limit of the inbox, but at least 4 MiB, which is enough for some thousands of them.
inline std::size_t most_bytes_kept(const LinkOptions& options) noexcept {
  return std::max(options.max_queued_bytes, std::size_t{4} << 20);
}

}  // namespace coproc::inline v0::detail
