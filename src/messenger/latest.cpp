// Channels that keep only the latest message.
#include "coproc/detail/message_access.hpp"
#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

using link::FrameKind;

void Core::keep_latest(const ChannelId& name) {
  CallGuard guard(*this);
  Channel& channel = channels_.of(name);
  if (channel.keeps_latest) return;
  channel.keeps_latest = true;
  channel.last_match = {};
  channel.counts.replaced += inbox_.keep_latest(channel.index);
}

void Core::keep_latest_as(const Core& last) {
  for (std::uint32_t i = 0; i != last.channels_.size(); ++i) {
    if (const Channel& channel = last.channels_.at(i); channel.keeps_latest)
      channels_.of(channel.id).keeps_latest = true;
  }
}

/// Puts an entry that was taken out of an inbox into this one. Of the messages of a channel that keeps the latest one,
/// only that with the highest sequence number stays.
void Core::put_again(EntryPtr& entry) {
  Channel& channel = channels_.at(entry->channel);
  if (!channel.keeps_latest || entry->kind != FrameKind::message) return inbox_.put(entry);
  const Entry* const other = inbox_.latest(channel.index);
  if (other == nullptr || other->sequence < entry->sequence) inbox_.put_latest(entry);
  if (other != nullptr) ++channel.counts.replaced;
}

/// A message is put back while a newer one is there.
void Core::drop_replaced(Channel& channel, MessageParts& parts) noexcept {
  --channel.counts.received;
  ++channel.counts.replaced;
  parts = {};
}

}  // namespace coproc::inline v0::detail
