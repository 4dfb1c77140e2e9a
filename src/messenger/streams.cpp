#include "messenger/streams.hpp"

#include <algorithm>
#include <utility>

namespace coproc::inline v0::detail {

void Streams::put(Reading& stream, EntryPtr& entry, bool is_end) {
  const std::uint64_t cost = cost_of(entry->cost());
  if (!stream.is_cancelled) {
    stream.entries.push_back(nullptr);
    // It names no request any more: a part that the user puts back is a message like others.
    entry->kind = entry->kind == link::FrameKind::part ? link::FrameKind::reply : entry->kind;
    entry->request_id = 0;
    stream.entries.back() = std::move(entry);
    ++unread_;
  }
  if (is_end) {
    stream.has_end = true;
  } else {
    stream.unpaid += cost;
  }
}

EntryPtr Streams::take(Reading& stream) noexcept {
  EntryPtr taken = std::move(stream.entries.front());
  stream.entries.pop_front();
  --unread_;
  if (!stream.has_end) stream.due += cost_of(taken->cost());
  if (stream.owes_credit()) owes_ = true;
  return taken;
}

bool Streams::has_reopened() const noexcept {
  return refused_ != 0 && std::any_of(answering_.begin(), answering_.end(), [](const auto& each) {
           const Answering& stream = each.second;
           return stream.is_refused && (stream.is_cancelled || stream.has_credit());
         });
}

void Streams::append_without_end(std::vector<RequestId>& ids) const {
  for (const auto& [id, stream] : reading_)
    if (!stream.has_end && !stream.is_cancelled) ids.push_back(RequestId{id});
}

}  // namespace coproc::inline v0::detail
