#include "messenger/channels.hpp"

namespace coproc::inline v0::detail {

Channels::Channels() {
  channels_.push_back(std::make_unique<Channel>());
  channels_[0]->number = 0;  // both ends know the default channel without a declaration
}

Channel& Channels::look_up(const ChannelId& id) {
  const auto [at, is_new] = indices_.try_emplace(id, static_cast<std::uint32_t>(channels_.size()));
  if (is_new) {
    try {
      auto channel = std::make_unique<Channel>();
      channel->id = id;
      channel->index = at->second;
      channels_.push_back(std::move(channel));
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
