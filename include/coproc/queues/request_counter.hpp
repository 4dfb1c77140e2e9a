// Counts messages, requests and replies for each key.
#pragma once

#include <cstddef>
#include <unordered_map>

#include "coproc/channel_counts.hpp"

namespace coproc::inline v0 {

/// Counts messages for programs that move them by other means, as a messenger does for each of its channels.
///
/// Thread safety: none; one thread at a time.
/// Invariants: `remaining_` is the sum of all keys' `remaining()`.
template <class Key, class Hash = std::hash<Key>>
class RequestCounter {
 public:
  void count_sent(const Key& key) { ++counts_[key].sent; }
  /// Counts a request, which is also a message that was sent.
  void count_request(const Key& key) {
    ChannelCounts& counts = counts_[key];
    ++counts.sent;
    ++counts.requests;
    ++remaining_;
  }

  void count_received(const Key& key) { ++counts_[key].received; }
  /// Counts a reply, which is also a message that was received. Returns false if no request of this key is open; then
  /// `remaining` does not change.
  bool count_reply(const Key& key) {
    ChannelCounts& counts = counts_[key];
    ++counts.received;
    if (counts.remaining() == 0) return false;
    ++counts.replies;
    --remaining_;
    return true;
  }

  /// The counts of a key. A key for which nothing was counted has zeros.
  ChannelCounts counts(const Key& key) const {
    const auto at = counts_.find(key);
    return at == counts_.end() ? ChannelCounts() : at->second;
  }
  /// The number of requests that are not answered yet, for this key and for all keys together.
  std::size_t remaining(const Key& key) const { return counts(key).remaining(); }
  std::size_t remaining() const noexcept { return remaining_; }

  /// Forgets the counts of this key, or of all keys.
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
