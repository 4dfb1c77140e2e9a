#include "agent/relay.hpp"

#include <algorithm>
#include <utility>

namespace coproc::inline v0::agent {

void Relay::send() {
  const std::uint32_t overtakings = link_.overtakings();  // before look(), which then sees all records that it counts
  lacks_window_ = false;
  const std::uint64_t sent_before = sent_;
  try {
    if (link_.look()) {
      while (add_next_record()) {}
    }
  } catch (...) {
    send_frame();
    throw;
  }
  send_frame();
  sent_by_last_ = sent_ - sent_before;
  sends_in_a_row_ = sent_by_last_ == 0 ? 0 : std::min(sends_in_a_row_ + 1, kFew + 1);
  link_.release();
  const bool includes_all = link_.head() == link_.seen();
  const bool may_include_more = sent_by_last_ != 0 && link_.overtakings() != overtakings_told_;
  if ((includes_all && overtakings != overtakings_told_) || may_include_more) {
    outbox_.put_bulk(wire::FrameType::overtaking);
  }
  if (includes_all) overtakings_told_ = overtakings;
}

std::chrono::nanoseconds Relay::begin_sleep(std::span<pollfd, link::Link::kSleepFds> fds, bool may_send) {
  const bool wants_more = may_send && wants_records();
  const bool gathers = wants_more && lets_gather();
  const auto longest = link_.begin_sleep(fds, wants_more && !gathers, deliveries_.room_wanted());
  return gathers ? std::min<std::chrono::nanoseconds>(longest, kGathering) : longest;
}

/// Moves one record out of the link. False: none is there, or it has to wait.
bool Relay::add_next_record() {
  const auto record = link_.front();
  if (record.empty() || outbox_.bulk_bytes() >= kMostBacklog) return false;
  if (!windows_.records_out.has(payload_bytes() + record.size())) {
    lacks_window_ = true;
    return false;
  }
  if (payload_bytes() + record.size() > wire::kMostPayload) send_frame();
  if (frame_.empty()) {
    frame_.reserve(sizeof(wire::Header) + std::min<std::uint64_t>(wire::kMostPayload, link_.seen() - link_.head()));
    frame_.resize(sizeof(wire::Header));
  }
  // The peer may be changing the length word: what counts is what was checked.
  const auto length = static_cast<std::uint32_t>(record.size());
  const auto word = std::as_bytes(std::span(&length, 1));
  frame_.insert(frame_.end(), word.begin(), word.end());
  frame_.insert(frame_.end(), record.begin() + sizeof length, record.end());
  link_.pop();
  return true;
}

void Relay::send_frame() {
  if (frame_.empty()) return;
  windows_.records_out.spend(payload_bytes());
  sent_ += payload_bytes();
  outbox_.put_bulk_in_place(wire::FrameType::records, std::exchange(frame_, {}));
}

void Relay::send_close_request() {
  const std::uint32_t closes = link_.close_requests();
  // One request says as much as several, and a peer that counts without end must not fill the memory here.
  if (closes == closes_told_ || outbox_.has_control()) return;
  closes_told_ = closes;
  outbox_.put_control(wire::FrameType::close);
}

bool Relay::deliver() {
  const std::size_t bytes = deliveries_.deliver();
  if (bytes != 0) sends_in_a_row_ = 0;
  const std::size_t credit = windows_.records_in.pass_on(bytes);
  if (credit != 0) outbox_.put_control(wire::FrameType::credit, credit);
  return bytes != 0;
}

}  // namespace coproc::inline v0::agent
