// Counts messages, requests and replies for each key.
#pragma once

#include <cstddef>
#include <unordered_map>

#include "coproc/channel_counts.hpp"

namespace coproc::inline v0 {

/// What a messenger does for its channels, for programs that move messages by other means (seed: RequestCtr).
///
/// Thread safety: none; one thread at a time.
/// Invariants: `remaining_` is the sum of all keys' `remaining()`.
template <class Key, class Hash = std::hash<Key>>
class RequestCounter {
 public:
  void count_sent(const Key& key) { ++counts_[key].sent; }
  /// A request was sent: counts as sent, too.
  void count_request(const Key& key) {
    ChannelCounts& counts = counts_[key];
    ++counts.sent;
    ++counts.requests;
    ++remaining_;
  }

  void count_received(const Key& key) { ++counts_[key].received; }
  /// A reply was received: counts as received, too. False: nobody had asked for it, and `remaining` stays as it is.
  bool count_reply(const Key& key) {
    ChannelCounts& counts = counts_[key];
    ++counts.received;
    if (counts.remaining() == 0) return false;
    ++counts.replies;
    --remaining_;
    return true;
  }

  /// A key that nothing was counted for has zeros.
  ChannelCounts counts(const Key& key) const {
    const auto at = counts_.find(key);
    return at == counts_.end() ? ChannelCounts() : at->second;
  }
  /// Requests that are not answered yet: of this key, and of all keys together.
  std::size_t remaining(const Key& key) const { return counts(key).remaining(); }
  std::size_t remaining() const noexcept { return remaining_; }

  /// Forgets what was counted, for this key or for all.
  void clear(const Key& key) {
    remaining_ -= remaining(key);
    counts_.erase(key);
  }
  void clear() noexcept {
    counts_.clear();
    remaining_ = 0;
  }

 private:
  std::unordered_map<Key, ChannelCounts, Hash> counts_;
  std::size_t remaining_ = 0;
};

}  // namespace coproc::inline v0
