// Straight from the link to the user, without the inbox: where what is first in the link is what is to be returned next.
//
// That is so while nothing that the peer has sent overtakes what it had sent before: it counts what does (`overtakings`),
// and while the count stays what it was, the link holds messages in an order in which they may be returned. So the link's
// write position, which is on a cache line that a busy sender keeps changing, is read once for all that had come.
#include <cstring>
#include <utility>

#include "messenger/core.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::Frame;
using link::FrameHeader;
using link::FrameKind;

namespace {

/// In `outstanding_`, beside the channel's index: its reply is among those that are being received.
constexpr std::uint32_t kAnswered = std::uint32_t{1} << 31;
/// Of larger ones a second copy costs more than a message of its own.
constexpr std::size_t kSmall = 1024;

bool is_data(FrameKind kind) {
  return kind == FrameKind::message || kind == FrameKind::request || kind == FrameKind::reply;
}

}  // namespace

/// Whether the record belongs to this channel and can be returned as this type. Of any other the inbox knows what to do.
inline bool Core::frame_for(std::uint32_t index, const Incoming& to, std::span<const std::byte> record, Frame& frame) {
  return link::parse_frame(record, frame) && frame.header.flags == 0 &&
         frame.payload.size() <= options_.link.max_message_bytes && is_for(index, to, frame.header);
}

inline bool Core::is_for(std::uint32_t index, const Incoming& to, const FrameHeader& header) {
  if (!is_data(header.kind)) return false;
  const Accepted wanted{header.channel, header.type, index, to.type == nullptr ? 0 : to.type->id};
  if (wanted != accepted_) {
    if (header.channel >= peer_channels_.size() || peer_channels_[header.channel] != index) return false;
    if (header.type - 1 >= peer_types_.size()) return false;
    if (to.type != nullptr && peer_types_[header.type - 1]->id != to.type->id) return false;
    accepted_ = wanted;
  }
  if (header.kind == FrameKind::message) return true;
  if (header.kind == FrameKind::reply) return header.request_id == 0 || is_asked_for(header.request_id, index);
  return header.request_id != 0 && unanswered_.size() < max_unanswered();
}

/// False: its bytes make no such value. What a codec throws itself goes to the user, and the record stays where it is.
inline bool Core::give_in_place(std::uint32_t index, const Frame& frame, const Incoming& to) {
  if (to.type == nullptr) {
    Message::Parts parts = parts_of(frame.header.kind, frame.header.type, frame.header.request_id);
    parts.channel = inbox_.channel(index).id;
    parts.priority = Priority::from_parts(frame.header.priority, frame.header.rest);
    parts.payload.append(frame.payload.data(), frame.payload.size());
    to.put_message(Message(std::move(parts)), to.out);
    return true;
  }
  if (to.block != 0) {
    if (frame.payload.size() != to.block) return false;
    std::memcpy(to.place(to.out), frame.payload.data(), to.block);
    return true;
  }
  try {
    Decoder decoder(frame.payload, options_.link.max_message_bytes);
    to.decode(decoder, to.out);
    decoder.finish();
  } catch (const DecodeError&) {
    return false;  // the same from the inbox, where it stays receivable
  }
  return true;
}

Core::InPlace Core::receive_in_place(std::uint32_t index, const Incoming& to, const os::Deadline& deadline) {
  Channel& lane = inbox_.channel(index);
  if (lane.live != 0 || partial_.is_active || !held_errors_.empty()) return InPlace::not_possible;
  const std::uint32_t overtakings =
      transport_->overtakings();  // before the look: what is counted later is looked for later
  const bool is_in_order = overtakings == overtakings_known_;
  if ((transport_->head() == transport_->seen() || !is_in_order) && !transport_->look()) return InPlace::nothing_came;
  const auto record = transport_->front();
  Frame frame;
  if (record.empty()) return InPlace::not_possible;
  if (!frame_for(index, to, record, frame)) {
    return is_in_order && to.block != 0 ? receive_pieces_in_place(index, to, record, deadline) : InPlace::not_possible;
  }
  if (!is_in_order) {
    const bool is_alone = ring::Consumer::end_of(record, transport_->head()) == transport_->seen();
    if (!is_alone) return InPlace::not_possible;
    overtakings_known_ = overtakings;
  }
  if (!give_in_place(index, frame, to)) return InPlace::not_possible;
  step("receive in place: decoded");
  last_seen_ = Priority::from_parts(frame.header.priority, frame.header.rest);
  transport_->pop();
  transport_->release_if_due();
  count_returned(lane, frame.header.kind, frame.header.request_id);
  return InPlace::returned;
}

/// A large value whose bytes are its encoding, piece by piece to its place. Whatever is not the next piece in time (a time-out,
/// an abort, a close request) makes of it what a drain would have: a message of which pieces are still to come.
Core::InPlace Core::receive_pieces_in_place(std::uint32_t index, const Incoming& to, std::span<const std::byte> record,
                                            const os::Deadline& deadline) {
  Frame frame;
  std::uint64_t total = 0;
  if (!link::parse_frame(record, frame) || frame.header.flags != link::kFirstFragment ||
      frame.payload.size() <= sizeof total || !is_for(index, to, frame.header))
    return InPlace::not_possible;
  std::memcpy(&total, frame.payload.data(), sizeof total);
  asm volatile("" : "+r"(total));  // from here on only this copy counts
  frame.payload = frame.payload.subspan(sizeof total);
  if (total != to.block || total > options_.link.max_message_bytes || frame.payload.size() > total)
    return InPlace::not_possible;
  const FrameHeader header = frame.header;
  auto* const place = static_cast<std::byte*>(to.place(to.out));
  std::size_t received = 0;

  const auto leave = [&] {
    EntryPtr entry = inbox_.make_entry();
    entry->payload.reserve(total);
    entry->payload.append(place, received);
    to.clear(to.out);
    partial_ = {std::move(entry), total, true, header};
    return InPlace::not_possible;
  };
  for (;;) {
    std::memcpy(place + received, frame.payload.data(), frame.payload.size());
    received += frame.payload.size();
    transport_->pop();
    transport_->release_if_due();
    if (received == total) break;
    while (transport_->front().empty()) {
      // A peer that sends piece after piece, each of a byte, must not keep the wait from its end.
      const auto goes_on_at_once = [&] {
        return !deadline.passed() && !transport_->is_interrupted() && transport_->close_requests() == closes_thrown_;
      };
      if (transport_->look() && goes_on_at_once()) continue;
      bool goes_on = false;
      try {
        goes_on = wait_for_more(deadline);
      } catch (...) {
        leave();
        throw;
      }
      if (!goes_on || peer_gone_ || transport_->close_requests() != closes_thrown_) return leave();
    }
    if (!link::parse_frame(transport_->front(), frame) || frame.header.kind != FrameKind::fragment ||
        frame.header.flags != 0 || frame.payload.empty() || frame.payload.size() > total - received)
      return leave();
  }
  last_seen_ = Priority::from_parts(header.priority, header.rest);
  count_returned(inbox_.channel(index), header.kind, header.request_id);
  return InPlace::returned;
}

/// The reply to one request, if it is first in the link.
bool Core::receive_reply_in_place(std::uint32_t index, std::uint64_t id, const Incoming& to) {
  if (partial_.is_active || inbox_.find_reply(id) != nullptr || !transport_->look()) return false;
  const auto record = transport_->front();
  if (record.empty()) return false;
  Frame frame;
  if (!frame_for(index, to, record, frame) || frame.header.kind != FrameKind::reply || frame.header.request_id != id)
    return false;
  if (!give_in_place(index, frame, to)) return false;
  step("receive in place: decoded");
  transport_->pop();
  transport_->release_if_due();
  count_returned(inbox_.channel(index), FrameKind::reply, id);
  return true;
}

/// All that has come, where nothing of it belongs elsewhere. False: nothing was taken, and `to` is as it was.
bool Core::receive_all_in_place(std::uint32_t index, const Incoming& to) {
  Channel& lane = inbox_.channel(index);
  if (lane.live != 0 || partial_.is_active || !held_errors_.empty()) return false;
  if (transport_->overtakings() != overtakings_known_ || !transport_->look()) return false;
  answerable_.clear();
  std::uint64_t position = transport_->head();
  std::size_t count = 0;
  Priority last;
  bool is_ours = true;
  const auto leave = [&] {
    for (const auto& [kind, id] : answerable_) {
      if (std::uint32_t* const asked = kind == FrameKind::reply ? outstanding_.find(id) : nullptr) *asked &= ~kAnswered;
    }
    to.clear(to.out);
  };
  try {
    while (is_ours && position != transport_->seen()) {
      const auto record = transport_->read(position);
      if (record.empty()) break;
      Frame frame;
      is_ours = frame_for(index, to, record, frame) && unanswered_.size() + answerable_.size() < max_unanswered() &&
                give_in_place(index, frame, to);
      if (!is_ours) break;
      if (frame.header.kind != FrameKind::message) {
        answerable_.emplace_back(frame.header.kind, frame.header.request_id);
        // Marked, it is nobody's channel: a second answer among these goes the other way, and is refused there.
        if (frame.header.kind == FrameKind::reply && frame.header.request_id != 0)
          *outstanding_.find(frame.header.request_id) |= kAnswered;
      }
      last = Priority::from_parts(frame.header.priority, frame.header.rest);
      position = ring::Consumer::end_of(record, position);
      ++count;
    }
  } catch (...) {
    leave();
    throw;
  }
  if (!is_ours) {
    leave();
    return false;
  }
  transport_->pop_until(position);
  last_seen_ = last;
  transport_->release_if_due();
  lane.counts.received += count - answerable_.size();
  for (const auto& [kind, id] : answerable_) count_returned(lane, kind, id);
  return true;
}

bool Core::receive_block(const TypeInfo& type, Buffer& into) {
  CallGuard guard(*this);
  Channel& lane = inbox_.channel(0);
  if (lane.live != 0 || partial_.is_active || !held_errors_.empty()) return false;
  if (transport_->overtakings() != overtakings_known_ || !transport_->look()) return false;
  const Incoming wanted{.type = &type};
  Frame frame;
  for (;;) {
    std::uint64_t position = transport_->head();
    const auto record = transport_->read(position);
    if (record.empty()) break;
    if (!frame_for(0, wanted, record, frame) || frame.header.kind != FrameKind::message ||
        frame.payload.size() > kSmall) {
      transport_->release_if_due();
      return false;
    }
    const auto size = static_cast<std::uint32_t>(frame.payload.size());
    into.append(&size, sizeof size);
    into.append(frame.payload.data(), size);
    transport_->pop_until(ring::Consumer::end_of(record, position));
    ++lane.counts.received;
  }
  last_seen_ = Priority::from_parts(frame.header.priority, frame.header.rest);
  transport_->release_if_due();
  return true;
}

/// A message that was drained, where nothing that may have come since is to be returned before it.
Entry* Core::queued_front(Channel& lane) {
  const bool all_is_drained = transport_->head() == transport_->seen() && held_errors_.empty();
  if (lane.live == 0 || !all_is_drained || overtakings_known_ != transport_->overtakings()) return nullptr;
  Entry* const front = inbox_.front(lane);
  return options_.reorders && last_seen_ < front->priority ? nullptr : front;
}

}  // namespace coproc::inline v0::detail
