#include "messenger/channels.hpp"

#include <utility>

namespace coproc::inline v0::detail {

Channels::Channels() {
  add(std::make_unique<Channel>());
  channels_[0]->number = 0;  // both ends know the default channel without a declaration
}

void Channels::add(std::unique_ptr<Channel> channel) {
  channel->made_before = newest_.load(std::memory_order_relaxed);  // relaxed: only this thread writes it
  channels_.push_back(std::move(channel));
  newest_.store(channels_.back().get(), std::memory_order_release);  // pairs with the acquire in all_counts()
}

ChannelCounts Channels::all_counts() const noexcept {
  ChannelCounts sum;
  // acquire: pairs with the release in add()
  for (const auto* channel = newest_.load(std::memory_order_acquire); channel != nullptr;
       channel = channel->made_before) {
    const ChannelCounts counts = channel->counts;
    sum.sent += counts.sent;
    sum.received += counts.received;
    sum.requests += counts.requests;
    sum.replies += counts.replies;
    sum.replaced += counts.replaced;
  }
  return sum;
}

Channel& Channels::look_up(const ChannelId& id) {
  const auto [at, is_new] = indices_.try_emplace(id, static_cast<std::uint32_t>(channels_.size()));
  if (is_new) {
    try {
      auto channel = std::make_unique<Channel>();
      channel->id = id;
      channel->index = at->second;
      add(std::move(channel));
    } catch (...) {
      indices_.erase(at);
      throw;
    }
  }
  Channel& found = *channels_[at->second];
  recent_[ChannelAccess::hash_of_number(id) % kRecent] = &found;
  return found;
}

const Channel* Channels::find(const ChannelId& id) const noexcept {
  if (id.is_default()) return channels_[0].get();
  const auto at = indices_.find(id);
  return at == indices_.end() ? nullptr : channels_[at->second].get();
}

}  // namespace coproc::inline v0::detail
