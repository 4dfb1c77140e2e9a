#include "messenger/inbox.hpp"

#include <utility>

namespace coproc::inline v0::detail {

std::uint32_t Inbox::look_up(const ChannelId& id) {
  auto [at, is_new] = indices_.try_emplace(id, static_cast<std::uint32_t>(channels_.size()));
  if (is_new) {
    try {
      channels_.push_back(std::make_unique<Channel>());
      channels_.back()->id = id;
    } catch (...) {
      if (channels_.size() > at->second) channels_.pop_back();
      indices_.erase(at);
      throw;
    }
  }
  known_[id.hash_of_number() % kKnown] = {&at->first, at->second};
  return at->second;
}

const Channel* Inbox::find(const ChannelId& id) const noexcept {
  if (id.is_default()) return channels_[0].get();
  const auto at = indices_.find(id);
  return at == indices_.end() ? nullptr : channels_[at->second].get();
}

void Inbox::put(EntryPtr& entry) {
  put_by(entry, [&](auto& queue, Priority priority) { queue.put(std::move(entry), priority); });
}
void Inbox::put_first(EntryPtr& entry) {
  put_by(entry, [&](auto& queue, Priority priority) { queue.put_first(std::move(entry), priority); });
}

template <class Put>
inline void Inbox::put_by(EntryPtr& entry, Put put) {
  Channel& channel = *channels_[entry->channel];
  Entry* const raw = entry.get();
  const std::size_t bytes = entry->cost();
  const Priority priority = reorders_ ? entry->priority : Priority();
  const bool is_noted = raw->is_reply() && raw->request_id != 0 && replies_.find(raw->request_id) == nullptr;
  if (is_noted) replies_.insert(raw->request_id, raw);
  raw->stays = true;  // the queue has its value before it knows whether it has room for it
  try {
    put(raw->is_reply() ? channel.replies : channel.others, priority);
  } catch (...) {
    raw->stays = false;
    entry.reset(raw);
    if (is_noted) replies_.erase(raw->request_id);
    throw;
  }
  raw->stays = false;
  ++channel.live;
  ++live_;
  charge(bytes);
}

void Inbox::drop_dead(PriorityQueue<EntryPtr>& replies, Channel& channel) {
  while (channel.dead != 0 && !replies.empty() && replies.front()->is_dead) {
    replies.get();  // gives it back
    --channel.dead;
  }
}

Entry* Inbox::front(Channel& channel, bool replies_only) {
  drop_dead(channel.replies, channel);
  Entry* reply = channel.replies.empty() ? nullptr : channel.replies.front().get();
  if (replies_only || channel.others.empty()) return reply;
  Entry* other = channel.others.front().get();
  if (reply == nullptr) return other;
  if (reorders_) {
    if (reply->priority < other->priority) return reply;
    if (other->priority < reply->priority) return other;
  }
  return reply->sequence < other->sequence ? reply : other;
}

EntryPtr Inbox::take_front(Channel& channel, Entry& entry) {
  PriorityQueue<EntryPtr>& queue = entry.is_reply() ? channel.replies : channel.others;
  EntryPtr taken = queue.get();
  if (!queue.empty()) {  // in a long queue the next one was put long ago, and is in no cache any more
    const auto* const next = reinterpret_cast<const std::byte*>(queue.front().get());
    for (std::size_t at = 0; at < sizeof(Entry); at += 64) __builtin_prefetch(next + at);
  }
  if (taken->is_reply()) {
    Entry** found = replies_.find(taken->request_id);
    if (found != nullptr && *found == taken.get()) replies_.erase(taken->request_id);
  }
  --channel.live;
  --live_;
  discharge(taken->cost());
  return taken;
}

Entry* Inbox::find_reply(std::uint64_t request_id) noexcept {
  Entry** found = replies_.find(request_id);
  return found == nullptr ? nullptr : *found;
}

EntryPtr Inbox::take_reply(Entry& entry) {
  Channel& channel = *channels_[entry.channel];
  EntryPtr taken = make_entry();
  discharge(entry.cost());
  *taken = std::move(entry);
  replies_.erase(taken->request_id);
  entry.is_dead = true;
  --channel.live;
  --live_;
  if (++channel.dead > channel.replies.size() / 2 + 16) {
    channel.replies.erase_if([](const EntryPtr& e) { return e->is_dead; });
    channel.dead = 0;
  }
  drop_dead(channel.replies, channel);
  return taken;
}

const Channel& Inbox::fullest() const noexcept {
  const Channel* most = channels_[0].get();
  for (const auto& channel : channels_) {
    if (channel->live > most->live) most = channel.get();
  }
  return *most;
}

}  // namespace coproc::inline v0::detail
