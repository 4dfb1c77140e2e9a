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

/// A second copy of a larger message costs more than a message of its own.
constexpr std::size_t kSmall = 1024;

bool is_data(FrameKind kind) {
  return kind == FrameKind::message || kind == FrameKind::request || kind == FrameKind::reply;
}

}  // namespace

/// Whether the record belongs to this channel and can be returned as this type. Of any other the inbox knows what to do.
inline bool Core::frame_for(const Channel& channel, const Incoming& to, std::span<const std::byte> record,
                            Frame& frame) {
  return link::parse_frame(record, frame) && frame.header.flags == 0 &&
         frame.payload.size() <= options_.link.max_message_bytes && is_for(channel, to, frame.header);
}

inline bool Core::is_for(const Channel& channel, const Incoming& to, const FrameHeader& header) {
  if (!is_data(header.kind)) return false;
  if (!peer_names_.match(header, channel, to.type)) return false;
  if (header.kind == FrameKind::message) return true;
  if (header.kind == FrameKind::reply) return header.request_id == 0 || requests_.expects(header.request_id, channel);
  return header.request_id != 0 && requests_.has_room_for(1);
}

/// False: its bytes make no such value. What a codec throws itself goes to the user, and the record stays where it is.
inline bool Core::give_in_place(const Channel& channel, const Frame& frame, const Incoming& to) {
  if (to.type == nullptr) {
    MessageParts parts = parts_of(frame.header.kind, frame.header.type, frame.header.request_id);
    parts.channel = channel.id;
    parts.priority = Priority::from_parts(frame.header.priority, frame.header.rest);
    parts.payload.append(frame.payload.data(), frame.payload.size());
    to.put_message(MessageAccess::make(std::move(parts)), to.out);
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

Core::InPlace Core::receive_in_place(Channel& channel, const Incoming& to, const os::Deadline& deadline) {
  if (inbox_.has_any_of(channel.index) || !reader_.is_clear()) return InPlace::not_possible;
  const std::uint32_t overtakings =
      transport_->overtakings();  // before the look: what is counted later is looked for later
  const bool is_in_order = overtakings == reader_.overtakings_known();
  if ((transport_->head() == transport_->seen() || !is_in_order) && !transport_->look()) return InPlace::nothing_came;
  const auto record = transport_->front();
  Frame frame;
  if (record.empty()) return InPlace::not_possible;
  if (!frame_for(channel, to, record, frame)) {
    return is_in_order && to.block != 0 ? receive_pieces_in_place(channel, to, record, deadline)
                                        : InPlace::not_possible;
  }
  if (!is_in_order) {
    const bool is_alone = ring::Consumer::end_of(record, transport_->head()) == transport_->seen();
    if (!is_alone) return InPlace::not_possible;
    reader_.note_in_order(overtakings);
  }
  if (!give_in_place(channel, frame, to)) return InPlace::not_possible;
  step("receive in place: decoded");
  reader_.note_read(Priority::from_parts(frame.header.priority, frame.header.rest));
  transport_->pop();
  transport_->release_if_due();
  count_returned(channel, frame.header.kind, frame.header.request_id);
  return InPlace::returned;
}

/// A large value whose bytes are its encoding, piece by piece to its place. Whatever is not the next piece in time (a time-out,
/// an abort, a close request) makes of it what a drain would have: a message of which pieces are still to come.
Core::InPlace Core::receive_pieces_in_place(Channel& channel, const Incoming& to, std::span<const std::byte> record,
                                            const os::Deadline& deadline) {
  Frame frame;
  std::uint64_t total = 0;
  if (!link::parse_frame(record, frame) || frame.header.flags != link::kFirstFragment ||
      frame.payload.size() <= sizeof total || !is_for(channel, to, frame.header))
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
    reader_.resume(std::move(entry), total, header);
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
  reader_.note_read(Priority::from_parts(header.priority, header.rest));
  count_returned(channel, header.kind, header.request_id);
  return InPlace::returned;
}

/// The reply to one request, if it is first in the link.
bool Core::receive_reply_in_place(Channel& channel, std::uint64_t id, const Incoming& to) {
  if (reader_.has_partial() || inbox_.find_reply(id) != nullptr || !transport_->look()) return false;
  const auto record = transport_->front();
  if (record.empty()) return false;
  Frame frame;
  if (!frame_for(channel, to, record, frame) || frame.header.kind != FrameKind::reply || frame.header.request_id != id)
    return false;
  if (!give_in_place(channel, frame, to)) return false;
  step("receive in place: decoded");
  transport_->pop();
  transport_->release_if_due();
  count_returned(channel, FrameKind::reply, id);
  return true;
}

/// All that has come, where nothing of it belongs elsewhere. False: nothing was taken, and `to` is as it was.
bool Core::receive_all_in_place(Channel& channel, const Incoming& to) {
  if (inbox_.has_any_of(channel.index) || !reader_.is_clear()) return false;
  if (transport_->overtakings() != reader_.overtakings_known() || !transport_->look()) return false;
  answerable_.clear();
  std::uint64_t position = transport_->head();
  std::size_t count = 0;
  Priority last;
  bool is_ours = true;
  const auto leave = [&] {
    for (const auto& [kind, id] : answerable_) {
      if (kind == FrameKind::reply) requests_.end_receiving(id);
    }
    to.clear(to.out);
  };
  try {
    while (is_ours && position != transport_->seen()) {
      const auto record = transport_->read(position);
      if (record.empty()) break;
      Frame frame;
      is_ours = frame_for(channel, to, record, frame) && requests_.has_room_for(answerable_.size() + 1) &&
                give_in_place(channel, frame, to);
      if (!is_ours) break;
      if (frame.header.kind != FrameKind::message) {
        answerable_.emplace_back(frame.header.kind, frame.header.request_id);
        // A second reply to the same request then goes through the inbox, where it is refused.
        if (frame.header.kind == FrameKind::reply && frame.header.request_id != 0)
          requests_.begin_receiving(frame.header.request_id);
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
  reader_.note_read(last);
  transport_->release_if_due();
  channel.counts.received += count - answerable_.size();
  for (const auto& [kind, id] : answerable_) count_returned(channel, kind, id);
  return true;
}

bool Core::receive_block(const TypeInfo& type, Buffer& into) {
  CallGuard guard(*this);
  Channel& channel = channels_.at(0);
  if (inbox_.has_any_of(channel.index) || !reader_.is_clear()) return false;
  if (transport_->overtakings() != reader_.overtakings_known() || !transport_->look()) return false;
  const Incoming wanted{.type = &type};
  Frame frame;
  for (;;) {
    std::uint64_t position = transport_->head();
    const auto record = transport_->read(position);
    if (record.empty()) break;
    if (!frame_for(channel, wanted, record, frame) || frame.header.kind != FrameKind::message ||
        frame.payload.size() > kSmall) {
      transport_->release_if_due();
      return false;
    }
    const auto size = static_cast<std::uint32_t>(frame.payload.size());
    into.append(&size, sizeof size);
    into.append(frame.payload.data(), size);
    transport_->pop_until(ring::Consumer::end_of(record, position));
    ++channel.counts.received;
  }
  reader_.note_read(Priority::from_parts(frame.header.priority, frame.header.rest));
  transport_->release_if_due();
  return true;
}

/// A message that was drained, where nothing that may have come since is to be returned before it.
Entry* Core::queued_front(const Channel& channel) {
  const bool all_is_drained = transport_->head() == transport_->seen() && !reader_.holds_error();
  if (!all_is_drained || reader_.overtakings_known() != transport_->overtakings()) return nullptr;
  Entry* const front = inbox_.front(channel.index);
  return front == nullptr || (options_.reorders && reader_.last_priority() < front->priority) ? nullptr : front;
}

}  // namespace coproc::inline v0::detail
