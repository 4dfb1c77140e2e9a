#include "messenger/inbox.hpp"

#include <utility>

namespace coproc::inline v0::detail {

Inbox::Queue& Inbox::make_queue(std::uint32_t channel) {
  if (channel >= queues_.size()) queues_.resize(channel + std::size_t{1});
  queues_[channel] = std::make_unique<Queue>();
  return *queues_[channel];
}

void Inbox::put(EntryPtr& entry) {
  put_by(entry, [&](auto& queue, Priority priority) { queue.put(std::move(entry), priority); });
}
void Inbox::put_first(EntryPtr& entry) {
  put_by(entry, [&](auto& queue, Priority priority) { queue.put_first(std::move(entry), priority); });
}

template <class Put>
inline void Inbox::put_by(EntryPtr& entry, Put put) {
  Queue& queue = queue_for(entry->channel);
  Entry* const raw = entry.get();
  const std::size_t bytes = entry->cost();
  const Priority priority = reorders_ ? entry->priority : Priority();
  const bool is_indexed = raw->is_reply() && raw->request_id != 0 && replies_.find(raw->request_id) == nullptr;
  if (is_indexed) replies_.insert(raw->request_id, raw);
  raw->is_pinned = true;  // if put() throws, the queue may have destroyed the EntryPtr
  try {
    put(raw->is_reply() ? queue.replies : queue.others, priority);
  } catch (...) {
    raw->is_pinned = false;
    entry.reset(raw);
    if (is_indexed) replies_.erase(raw->request_id);
    throw;
  }
  raw->is_pinned = false;
  ++queue.live;
  ++live_;
  charge(bytes);
}

Entry& Inbox::put_latest(EntryPtr& entry) {
  Queue& queue = queue_for(entry->channel);
  if (queue.latest == nullptr) {
    Entry* const put_entry = entry.get();
    put(entry);
    return *(queue.latest = put_entry);
  }
  Entry& kept = *queue.latest;
  discharge(kept.cost());
  std::swap(kept.type, entry->type);
  std::swap(kept.sequence, entry->sequence);
  std::swap(kept.priority, entry->priority);
  std::swap(kept.payload, entry->payload);
  std::swap(kept.loans, entry->loans);
  std::swap(kept.loan_cost, entry->loan_cost);
  charge(kept.cost());
  return kept;
}

std::size_t Inbox::keep_latest(std::uint32_t channel) {
  Queue* const queue = find_queue(channel);
  if (queue == nullptr) return 0;
  Entry* newest = nullptr;
  queue->others.erase_if([&](const EntryPtr& each) {
    const bool is_newer = newest == nullptr || newest->sequence < each->sequence;
    if (each->kind == link::FrameKind::message && is_newer) newest = each.get();
    return false;
  });
  std::size_t dropped = 0;
  queue->others.erase_if([&](const EntryPtr& each) {
    if (each->kind != link::FrameKind::message || each.get() == newest) return false;
    discharge(each->cost());
    ++dropped;
    return true;
  });
  queue->latest = newest;
  queue->live -= dropped;
  live_ -= dropped;
  return dropped;
}

void Inbox::drop_dead(Queue& queue) {
  while (queue.dead != 0 && !queue.replies.empty() && queue.replies.front()->is_dead) {
    queue.replies.get();  // its entry is returned to the pool
    --queue.dead;
  }
}

Entry* Inbox::front(std::uint32_t channel, bool replies_only) {
  Queue* const found = find_queue(channel);
  if (found == nullptr) return nullptr;
  Queue& queue = *found;
  if (queue.dead != 0) drop_dead(queue);
  Entry* reply = queue.replies.empty() ? nullptr : queue.replies.front().get();
  if (replies_only || queue.others.empty()) return reply;
  Entry* other = queue.others.front().get();
  if (reply == nullptr) return other;
  if (reorders_) {
    if (reply->priority < other->priority) return reply;
    if (other->priority < reply->priority) return other;
  }
  return reply->sequence < other->sequence ? reply : other;
}

EntryPtr Inbox::take_front(Entry& entry) {
  Queue& channel = *queues_[entry.channel];
  PriorityQueue<EntryPtr>& queue = entry.is_reply() ? channel.replies : channel.others;
  EntryPtr taken = queue.get();
  if (!queue.empty()) {  // in a long queue the next entry was put long ago, and is not in the cache any more
    const auto* const next = reinterpret_cast<const std::byte*>(queue.front().get());
    for (std::size_t at = 0; at < sizeof(Entry); at += 64) __builtin_prefetch(next + at);
  }
  if (taken->is_reply()) {
    Entry** found = replies_.find(taken->request_id);
    if (found != nullptr && *found == taken.get()) replies_.erase(taken->request_id);
  }
  if (channel.latest == taken.get()) channel.latest = nullptr;
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
  Queue& queue = *queues_[entry.channel];
  EntryPtr taken = make_entry();
  discharge(entry.cost());
  *taken = std::move(entry);
  replies_.erase(taken->request_id);
  entry.is_dead = true;
  --queue.live;
  --live_;
  if (++queue.dead > queue.replies.size() / 2 + 16) {
    queue.replies.erase_if([](const EntryPtr& e) { return e->is_dead; });
    queue.dead = 0;
  }
  drop_dead(queue);
  return taken;
}

std::uint32_t Inbox::fullest() const noexcept {
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < queues_.size(); ++i) {
    if (live_count(i) > live_count(most)) most = i;
  }
  return most;
}

}  // namespace coproc::inline v0::detail
