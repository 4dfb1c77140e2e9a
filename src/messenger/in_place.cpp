// Receives straight from the link, without the inbox. They are possible if the first message in the link is the one
// that is to be returned next.
//
// The peer counts the messages that overtake earlier ones (`overtakings`). While the count does not change, the
// messages in the link are in an order in which they may be returned. A receive then reads the link's write position
// only when it has taken everything seen before: that position is on a cache line that a busy sender keeps changing.
#include <cstring>
#include <optional>
#include <utility>

#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"
#include "messenger/supervised.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::Frame;
using link::FrameHeader;
using link::FrameKind;

namespace {

/// The largest message in bytes that receive_block() takes. A second copy of a larger one costs more than a receive.
constexpr std::size_t kSmall = 1024;

bool is_data(FrameKind kind) {
  return kind == FrameKind::message || kind == FrameKind::request || kind == FrameKind::reply;
}

}  // namespace

/// Parses the record. Returns whether it belongs to this channel and can be returned as this type. Any other record
/// must go through the inbox.
inline bool Core::parse_frame_for(Channel& channel, const Incoming& to, std::span<const std::byte> record,
                                  Frame& frame) {
  return link::parse_plain_frame(record, frame) && frame.payload.size() <= options_.link.max_message_bytes &&
         is_for(channel, to, frame.header);
}

/// Whether the frame may be returned on this channel and as this type. REQUIRES: it is a message, a request or a reply.
inline bool Core::is_for(Channel& channel, const Incoming& to, const FrameHeader& header) {
  return peer_names_.match(header, channel, to.traits->type) && has_valid_id(channel, header);
}

/// Whether the message needs no id, the reply answers a request of this channel, or the request may be returned.
inline bool Core::has_valid_id(const Channel& channel, const FrameHeader& header) {
  if (header.kind == FrameKind::message) return true;
  if (header.kind == FrameKind::reply) return header.request_id == 0 || requests_.expects(header.request_id, channel);
  return header.request_id != 0 && requests_.has_room_for(1);
}

/// Delivers the frame's value. Returns false if the bytes are not a valid value. If the user's codec throws, the record
/// stays in the link.
inline bool Core::deliver_in_place(const Channel& channel, const Frame& frame, const Incoming& to) {
  if (to.traits->block != 0) {
    if (frame.payload.size() != to.traits->block) return false;
    std::memcpy(to.place_of_block(), frame.payload.data(), to.traits->block);
    return true;
  }
  return decode_in_place(channel, frame, to);
}

/// The same for a value that needs decoding, and for a Message.
bool Core::decode_in_place(const Channel& channel, const Frame& frame, const Incoming& to) {
  if (to.traits->type == nullptr) {
    MessageParts& parts = to.traits->new_message(to.out);
    fill_parts(parts, frame.header.kind, frame.header.type, frame.header.request_id);
    if (channel.index != 0) parts.channel = channel.id;
    parts.priority = Priority::from_parts(frame.header.priority, frame.header.rest);
    parts.payload.append(frame.payload.data(), frame.payload.size());
    return true;
  }
  if (frame.header.kind == FrameKind::request) requests_.note_decoding(frame.header.request_id);
  try {
    Decoder decoder(frame.payload, options_.link.max_message_bytes);
    to.traits->decode(decoder, to.out);
    decoder.finish();
  } catch (const DecodeError&) {
    return false;  // decoded again from the inbox, it throws to the user and stays receivable
  }
  return true;
}

/// The short path, which most messages take: the next record in the link is the wanted message, and nothing can come
/// before it.
inline Core::InPlace Core::receive_in_place(Channel& channel, const Incoming& to) {
  if (inbox_.has_any_of(channel.index) || !reader_.is_clear()) return InPlace::not_possible;
  link::Link& link = *link_;
  const std::uint32_t overtakings = link.overtakings();  // before look(), which then sees all messages that it counts
  const bool is_in_order = overtakings == reader_.overtakings_known();
  if ((link.head() == link.seen() || !is_in_order) && !link.look()) return InPlace::nothing_came;
  const auto record = link.front();
  Frame frame;
  if (!parse_frame_for(channel, to, record, frame))
    return is_in_order && to.traits->block != 0 ? InPlace::may_be_in_pieces : InPlace::not_possible;
  if (!is_in_order) {
    const bool is_alone = ring::Consumer::end_of(record, link.head()) == link.seen();
    if (!is_alone) return InPlace::not_possible;
    reader_.note_in_order(overtakings);
  }
  if (!deliver_in_place(channel, frame, to)) return InPlace::not_possible;
  step("receive in place: decoded");
  reader_.note_read(frame.header);
  link.pop();
  link.release_if_due();
  count_returned(channel, frame.header.kind, frame.header.request_id);
  return InPlace::returned;
}

/// Copies a large value, whose bytes are its encoding, to its place piece by piece. If the next piece does not come in
/// time, or something else does (an abort, a close request), it hands the pieces to the reader, as if they had been
/// drained.
Core::InPlace Core::receive_pieces_in_place(Channel& channel, const Incoming& to, const os::Deadline& deadline) {
  Frame frame;
  std::uint64_t total = 0;
  if (!link::parse_frame(link_->front(), frame) || frame.header.flags != link::kFirstFragment ||
      frame.payload.size() <= sizeof total || !is_data(frame.header.kind) || !is_for(channel, to, frame.header))
    return InPlace::not_possible;
  std::memcpy(&total, frame.payload.data(), sizeof total);
  asm volatile("" : "+r"(total));  // the peer may change the original: the compiler must not load it again
  frame.payload = frame.payload.subspan(sizeof total);
  if (total != to.traits->block || total > options_.link.max_message_bytes || frame.payload.size() > total)
    return InPlace::not_possible;
  const FrameHeader header = frame.header;
  auto* const place = static_cast<std::byte*>(to.place_of_block());
  std::size_t received = 0;

  const auto hand_to_reader = [&] {
    EntryPtr entry = inbox_.make_entry();
    entry->payload.reserve(total);
    entry->payload.append(place, received);
    to.traits->clear(to.out);
    reader_.resume(std::move(entry), total, header);
    return InPlace::not_possible;
  };
  for (;;) {
    std::memcpy(place + received, frame.payload.data(), frame.payload.size());
    received += frame.payload.size();
    link_->pop();
    link_->release_if_due();
    if (received == total) break;
    while (link_->front().empty()) {
      // A peer that sends very small pieces without end must not extend the deadline.
      const auto may_look_again = [&] {
        return !deadline.passed() && !link_->is_interrupted() && link_->close_requests() == close_requests_thrown_;
      };
      if (link_->look() && may_look_again()) continue;
      bool goes_on = false;
      try {
        goes_on = wait_for_more(deadline);
      } catch (...) {
        hand_to_reader();
        throw;
      }
      if (!goes_on || peer_gone_ || link_->close_requests() != close_requests_thrown_) return hand_to_reader();
    }
    if (!link::parse_frame(link_->front(), frame) || frame.header.kind != FrameKind::fragment ||
        frame.header.flags != 0 || frame.payload.empty() || frame.payload.size() > total - received)
      return hand_to_reader();
  }
  reader_.note_read(header);
  count_returned(channel, header.kind, header.request_id);
  return InPlace::returned;
}

/// Receives the reply to a request if it is the next record in the link.
bool Core::receive_reply_in_place(Channel& channel, std::uint64_t id, const Incoming& to) {
  if (reader_.has_partial() || inbox_.find_reply(id) != nullptr || !link_->look()) return false;
  const auto record = link_->front();
  if (record.empty()) return false;
  Frame frame;
  if (!parse_frame_for(channel, to, record, frame) || frame.header.kind != FrameKind::reply ||
      frame.header.request_id != id)
    return false;
  if (!deliver_in_place(channel, frame, to)) return false;
  step("receive in place: decoded");
  link_->pop();
  link_->release_if_due();
  count_returned(channel, FrameKind::reply, id);
  return true;
}

/// Receives all messages that have arrived, if all of them are for this channel and this type. Otherwise it returns
/// false, and nothing has changed.
bool Core::receive_all_in_place(Channel& channel, const Incoming& to) {
  if (inbox_.has_any_of(channel.index) || !reader_.is_clear()) return false;
  if (link_->overtakings() != reader_.overtakings_known() || !link_->look()) return false;
  const auto undo = [&] {
    requests_.cancel_together();
    to.traits->clear(to.out);
    return false;
  };
  std::uint64_t position = link_->head();
  std::size_t count = 0;
  Frame frame;  // the last one
  try {
    const std::size_t block = to.traits->block;
    std::size_t places = 0;
    std::byte* place = nullptr;
    if (block != 0) {
      places = (link_->seen() - position) / ring::rounded_up(link::kHeaderBytes + block);  // if all are of this type
      place = static_cast<std::byte*>(to.traits->places(to.out, places));
    }
    for (; position != link_->seen(); ++count) {
      const auto record = link_->read(position);
      if (record.empty()) break;
      const bool is_similar = count != 0 && link::parse_similar_frame(record, frame);
      if (!(is_similar ? has_valid_id(channel, frame.header) : parse_frame_for(channel, to, record, frame)))
        return undo();
      if (block == 0) {
        if (!decode_in_place(channel, frame, to)) return undo();
      } else {
        if (frame.payload.size() != block) return undo();
        std::memcpy(place + count * block, frame.payload.data(), block);
      }
      const bool is_reply = frame.header.kind == FrameKind::reply;
      if (frame.header.kind != FrameKind::message && !requests_.begin_together(is_reply, frame.header.request_id))
        return undo();
      position = ring::Consumer::end_of(record, position);
    }
    if (count != places && block != 0) to.traits->places(to.out, count);
    requests_.note_returned_together(channel);
  } catch (...) {
    undo();
    throw;
  }
  link_->pop_until(position);
  reader_.note_read(frame.header);
  link_->release_if_due();
  channel.counts.received += count;
  return true;
}

bool Core::receive_block(const TypeInfo& type, Buffer& into) {
  CallGuard guard(*this);
  Channel& channel = channels_.at(0);
  if (inbox_.has_any_of(channel.index) || !reader_.is_clear()) return false;
  if (link_->overtakings() != reader_.overtakings_known() || !link_->look()) return false;
  const IncomingTraits its_type{.type = &type};
  const Incoming wanted{nullptr, &its_type};
  Frame frame;
  for (;;) {
    std::uint64_t position = link_->head();
    const auto record = link_->read(position);
    if (record.empty()) break;
    if (!parse_frame_for(channel, wanted, record, frame) || frame.header.kind != FrameKind::message ||
        frame.payload.size() > kSmall) {
      link_->release_if_due();
      return false;
    }
    const auto size = static_cast<std::uint32_t>(frame.payload.size());
    into.append(&size, sizeof size);
    into.append(frame.payload.data(), size);
    link_->pop_until(ring::Consumer::end_of(record, position));
    ++channel.counts.received;
  }
  reader_.note_read(frame.header);
  link_->release_if_due();
  return true;
}

/// The front of the channel's queue, or null if a message that is still in the link could have to be returned first.
Entry* Core::queued_front(const Channel& channel) {
  const bool all_is_drained = link_->head() == link_->seen() && !reader_.holds_error();
  if (!all_is_drained || reader_.overtakings_known() != link_->overtakings() || channel.keeps_latest) return nullptr;
  Entry* const front = inbox_.front(channel.index);
  return front == nullptr || (options_.reorders && reader_.last_priority() < front->priority) ? nullptr : front;
}

// ---- the calls of Messenger ----

bool Core::receive(const ChannelId* channels, std::size_t count, const Incoming& to, Timeout timeout) {
  CallGuard guard(*this);
  Channel* const only = count == 1 ? &channels_.of(channels[0]) : nullptr;
  std::optional<os::Deadline> deadline;  // made once the call may wait
  for (;;) {
    throw_if_close_requested();
    InPlace in_place = only == nullptr ? InPlace::not_possible : receive_in_place(*only, to);
    if (in_place == InPlace::returned) return true;
    if (!deadline) deadline.emplace(timeout.ns);
    if (in_place == InPlace::may_be_in_pieces) in_place = receive_pieces_in_place(*only, to, *deadline);
    if (in_place == InPlace::returned) return true;
    if (in_place == InPlace::nothing_came) {
      link_->serve_watched();
    } else if (receive_from_inbox(channels, count, only, to)) {
      return true;
    }
    if (!wait_for_more(*deadline)) return false;
  }
}

}  // namespace coproc::inline v0::detail

namespace coproc::inline v0 {

// This is here, and not in messenger.cpp, so that the compiler can inline Core::receive() into it.
bool Messenger::receive(const ChannelId* channels, std::size_t count, const detail::Incoming& to, Timeout timeout) {
  return detail::supervised(core(), timeout, [this, channels, count, &to](const Timeout& time) {
    return core_->receive(channels, count, to, time);
  });
}

}  // namespace coproc::inline v0
