#include "supervise/health.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "coproc/errors.hpp"

namespace coproc::inline v0::supervise {

namespace {

constexpr std::int64_t kShortest = std::chrono::nanoseconds(std::chrono::milliseconds(10)).count();
constexpr std::int64_t kLongest = std::chrono::nanoseconds(std::chrono::seconds(1)).count();

std::int64_t limit_of(const char* name, const Timeout& limit) {
  if (limit.ns.count() > 0) return limit.ns.count();
  throw InvalidArgumentError("HealthOptions: `" + std::string(name) + "` is longer than 0, or kForever");
}

}  // namespace

Health::Health(const HealthOptions& options)
    : unread_(limit_of("unread", options.unread)),
      reply_(limit_of("reply", options.reply)),
      beat_(limit_of("beat", options.beat)),
      period_(std::clamp(std::min({unread_, reply_, beat_}) / 4, kShortest, kLongest)) {}

bool Health::has_limits() const noexcept { return unread_ != kNone || reply_ != kNone || beat_ != kNone; }

void Health::begin() noexcept {
  last_look_.reset();
  was_stopped_ = false;
  unread_since_.reset();
  beat_since_.reset();
  in_hand_.clear();
  has_read_ = has_sent_ = beats_ = 0;
}

void Health::begin_anew(std::int64_t now) noexcept {
  if (unread_since_) unread_since_ = now;
  if (beat_since_) beat_since_ = now;
  for (InHand& each : in_hand_) each.since = now;
}

void Health::move_clocks(std::int64_t by) noexcept {
  if (unread_since_) *unread_since_ += by;
  if (beat_since_) *beat_since_ += by;
  for (InHand& each : in_hand_) each.since += by;
}

/// Takes in what is new: what has become of each clock since the last look.
void Health::note(std::int64_t now, const HealthSample& seen) {
  if (!seen.has_unread) {
    unread_since_.reset();
  } else if (!unread_since_ || seen.has_read != has_read_) {
    unread_since_ = now;
  }
  if (seen.beats != 0 && (!beat_since_ || seen.beats != beats_ || seen.waits_for_records)) beat_since_ = now;

  // A stream is in hand to its end, which may be far: what counts is that parts come, or that it waits to be paid for.
  const bool moves_streams = seen.has_sent != has_sent_ || seen.waits_for_records;
  std::vector<InHand> in_hand;
  for (const auto& [id, is_stream] : seen.in_hand) {
    const auto known = std::ranges::lower_bound(in_hand_, id, {}, &InHand::id);
    const bool is_known = known != in_hand_.end() && known->id == id;
    in_hand.push_back({id, is_known && !(is_stream && moves_streams) ? known->since : now});
  }
  std::ranges::sort(in_hand, {}, &InHand::id);
  in_hand_ = std::move(in_hand);
  has_read_ = seen.has_read;
  has_sent_ = seen.has_sent;
  beats_ = seen.beats;
}

bool Health::is_over(std::int64_t now, const std::optional<std::int64_t>& since, std::int64_t limit,
                     Hang::Why why) noexcept {
  if (!since || limit == kNone || now - *since < limit) return false;
  hang_.why = why;
  hang_.time = std::chrono::nanoseconds(now - *since);
  return true;
}

HealthState Health::look(std::int64_t now, const HealthSample& seen) {
  const std::int64_t elapsed = last_look_ ? now - *last_look_ : 0;
  last_look_ = now;
  if (elapsed > 2 * period_) {
    begin_anew(now);
  } else if (seen.is_stopped || was_stopped_) {  // maybe all the time, although only one of the two looks has seen it
    move_clocks(elapsed);
  }
  was_stopped_ = seen.is_stopped;
  if (seen.is_stopped) return HealthState::stopped;
  note(now, seen);
  if (seen.is_blocked_by_host) {
    begin_anew(now);
    return HealthState::blocked_by_host;
  }
  if (seen.waits_for_records && seen.in_hand.empty()) return HealthState::idle;

  const auto oldest = std::ranges::min_element(in_hand_, {}, &InHand::since);
  const auto in_hand_since = oldest == in_hand_.end() ? std::nullopt : std::optional(oldest->since);
  if (is_over(now, in_hand_since, reply_, Hang::Why::reply) || is_over(now, beat_since_, beat_, Hang::Why::beat) ||
      is_over(now, unread_since_, unread_, Hang::Why::unread))
    return HealthState::hung;
  return seen.is_asleep ? HealthState::blocked : HealthState::busy;
}

}  // namespace coproc::inline v0::supervise
