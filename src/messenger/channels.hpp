// The channels of a link, as this end knows them: their names, and how many messages went over each.
//
// Thread safety: none; the core's. Invariants: `at(i).index == i`, and index 0 is the default channel, which is always
// there. A channel is never removed, and a reference to it stays valid while others are added.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "coproc/channel.hpp"
#include "coproc/channel_counts.hpp"
#include "coproc/detail/fifo.hpp"
#include "messenger/channel_access.hpp"

namespace coproc::inline v0::detail {

struct Channel {
  static constexpr std::uint32_t kUndeclared = ~std::uint32_t{0};

  ChannelId id;
  std::uint32_t index = 0;             // in this end's list; the same for the lifetime of the link
  std::uint32_t number = kUndeclared;  // by which this end names it to the peer
  ChannelCounts counts;
  /// The numbers of the peer that were last found to be this channel and what a receive had asked for: the same come
  /// again and again. Kept by PeerNames.
  struct Match {
    std::uint32_t channel = 0;
    std::uint32_t type = 0;
    std::uint64_t type_id =
        ~std::uint64_t{0};  // 0: any; the default is an id that no type has, so that it matches nothing
    bool operator==(const Match&) const noexcept = default;
  } last_match;
  struct ToAnswer {           // the peer's requests that were returned to the user; kept by RequestBooks
    Fifo<std::uint64_t> ids;  // oldest first; some may have been answered out of turn
    std::size_t count = 0;    // of those that were not answered
  } to_answer;
};

class Channels {
 public:
  Channels();

  /// The channel of this name; a new one if there was none.
  Channel& of(const ChannelId& id) {
    if (id.is_default()) return *channels_[0];
    Channel* const recent = recent_[ChannelAccess::hash_of_number(id) % kRecent];
    return recent != nullptr && recent->id == id ? *recent : look_up(id);
  }
  /// The channel of this name, or null.
  const Channel* find(const ChannelId& id) const noexcept;
  /// REQUIRES: index < size().
  Channel& at(std::uint32_t index) noexcept { return *channels_[index]; }
  std::size_t size() const noexcept { return channels_.size(); }

 private:
  static constexpr std::size_t kRecent = 16;

  Channel& look_up(const ChannelId& id);

  std::vector<std::unique_ptr<Channel>> channels_;
  std::map<ChannelId, std::uint32_t> indices_;  // ordered: a peer chooses the names, and could make hashes collide
  std::array<Channel*, kRecent> recent_{};      // the channels that were used last: programs use a few again and again
};

}  // namespace coproc::inline v0::detail
