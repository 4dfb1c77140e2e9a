// The channels of a link at this end: their names, and the counts of messages of each.
//
// Thread safety: one thread at a time, which Core ensures. `all_counts` may be called from any thread.
// Invariants: `at(i).index == i`. `newest_` begins a list of all channels. Index 0 is the default channel, which always
// exists. A channel is never removed, and a reference to it stays valid while others are added.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "coproc/channel.hpp"
#include "coproc/channel_counts.hpp"
#include "coproc/detail/fifo.hpp"
#include "messenger/channel_access.hpp"
#include "messenger/count.hpp"

namespace coproc::inline v0::detail {

struct Channel {
  static constexpr std::uint32_t kUndeclared = ~std::uint32_t{0};

  ChannelId id;
  std::uint32_t index = 0;             // position in Channels; constant after construction
  std::uint32_t number = kUndeclared;  // the channel's number in frames of this end; see OwnNames
  Counts counts;
  const Channel* made_before = nullptr;  // constant once the channel is in the list of Channels
  bool keeps_latest = false;             // whether a message replaces an older one that was not received yet
  /// Cache of the last successful match of (peer's channel number, peer's type number) with this channel and the type
  /// that a receive asked for. PeerNames maintains it.
  struct Match {
    std::uint32_t channel = 0;
    std::uint32_t type = 0;
    std::uint64_t type_id =
        ~std::uint64_t{0};  // 0: any type; the default is the id of no type, so that it matches nothing
    bool operator==(const Match&) const noexcept = default;
  } last_match;
  struct ToAnswer {  // requests that were returned to the user and wait for an answer; RequestBooks maintains it
    Fifo<std::uint64_t> ids;  // oldest first; some may have been answered out of turn
    std::size_t count = 0;    // the number of ids that are not answered yet
  } to_answer;
};

class Channels {
 public:
  Channels();

  /// The channel of this name. It is made if it does not exist yet.
  Channel& of(const ChannelId& id) {
    if (id.is_default()) return *channels_[0];
    Channel* const recent = recent_[ChannelAccess::hash_of_number(id) % kRecent];
    return recent != nullptr && recent->id == id ? *recent : look_up(id);
  }
  /// The channel of this name, or null.
  const Channel* find(const ChannelId& id) const noexcept;
  /// REQUIRES: index < size().
  Channel& at(std::uint32_t index) noexcept { return *channels_[index]; }
  const Channel& at(std::uint32_t index) const noexcept { return *channels_[index]; }
  std::size_t size() const noexcept { return channels_.size(); }
  /// The sums over all channels. Any thread.
  ChannelCounts all_counts() const noexcept;

 private:
  static constexpr std::size_t kRecent = 16;

  Channel& look_up(const ChannelId& id);
  void add(std::unique_ptr<Channel> channel);

  std::vector<std::unique_ptr<Channel>> channels_;
  std::map<ChannelId, std::uint32_t> indices_;   // a map, since a peer chooses the names and could make hashes collide
  std::array<Channel*, kRecent> recent_{};       // cache of the channels that were used last, by hash_of_number()
  std::atomic<const Channel*> newest_{nullptr};  // pairs with the acquire in all_counts()
};

}  // namespace coproc::inline v0::detail
