#include "messenger/kept_requests.hpp"

#include <algorithm>
#include <utility>

#include "coproc/encoder.hpp"
#include "coproc/errors.hpp"
#include "coproc/type_info.hpp"

namespace coproc::inline v0::detail {

void KeptRequests::keep(std::uint64_t id, const ChannelId& channel, const Outgoing& request, const Priority& priority,
                        std::size_t max_bytes, std::uint64_t window) {
  forget(id);  // of a send that has failed
  const std::size_t room = most_bytes_ - bytes_;
  if (room < kEachBytes) return;
  constexpr std::size_t kKeptScratch = std::size_t{1} << 20;
  if (scratch_.capacity() > kKeptScratch) scratch_ = Buffer();
  KeptRequest kept{channel, request.traits->type->id, priority, window, {}};
  try {
    const std::size_t most = max_bytes - std::min(max_bytes, window == 0 ? 0 : sizeof window);  // which is sent with it
    Encoder encoder(scratch_, std::min(most, room - kEachBytes));
    request.traits->encode(encoder, request.value);
    const auto payload = encoder.written();
    kept.payload.append(payload.data(), payload.size());
  } catch (const MessageTooLargeError&) {
    return;  // there is no room for it; or it is too large for the link, as the send tells
  }
  if (!type_texts_.contains(kept.type)) type_texts_.emplace(kept.type, request.traits->type->describe());
  const std::size_t bytes = kept.payload.size();
  all_.insert_or_assign(id, std::move(kept));
  bytes_ += bytes + kEachBytes;
}

void KeptRequests::forget(std::uint64_t id) noexcept {
  const auto at = all_.find(id);
  if (at == all_.end()) return;
  bytes_ -= at->second.payload.size() + kEachBytes;
  all_.erase(at);
}

}  // namespace coproc::inline v0::detail
