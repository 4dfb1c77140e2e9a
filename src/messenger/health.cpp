// Whether the worker of a supervised messenger hangs: what its link tells about that, and when it is looked at.
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "link/beats.hpp"
#include "link/in_hand.hpp"
#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

/// Looks if that is due. Returns when the next look is due, from now.
std::chrono::nanoseconds Core::watch() {
  const auto supervisor = supervisor_.lock();
  return supervisor == nullptr ? std::chrono::nanoseconds::max() : supervisor->watch(*this);
}

void Core::look_at_health(PeerHealth& health) {
  std::vector<std::uint64_t> ids;
  link::look_at_slots(link_->in_hand_words(), ids);
  health.link = link_->look_at_peer();
  health.beats = link::look_at_beats(link_->beat_words());
  health.in_hand.clear();
  for (const std::uint64_t id : ids) health.in_hand.push_back({id, requests_.streams().reads(id)});
}

std::optional<std::chrono::nanoseconds> Core::look_after_peer() {
  const CallGuard guard(*this);
  link_->serve_watched();  // a worker whose stderr nobody empties would wait for that
  const std::chrono::nanoseconds pause = watch();
  if (has_reported_gone_ && !asks_again_) return pause;
  if (is_known_gone() || link_->peer_has_ended()) peer_gone_ = true;
  if (peer_gone_) report_peer_gone();
  return pause;
}

std::chrono::nanoseconds Core::let_supervisor_look() const {
  const auto supervisor = supervisor_.lock();
  return supervisor == nullptr ? std::chrono::nanoseconds::max() : supervisor->look();
}

}  // namespace coproc::inline v0::detail
