// Straight from the link to the user, without the inbox: where what is first in the link is what is to be returned
// next.
//
// That is so while nothing that the peer has sent overtakes what it had sent before: it counts what does
// (`overtakings`), and while the count stays what it was, the link holds messages in an order in which they may be
// returned. So the link's write position, which is on a cache line that a busy sender keeps changing, is read once for
// all that had come.
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

/// Whether the record belongs to this channel and can be returned as this type. Of any other the inbox knows what to
/// do.
inline bool Core::frame_for(Channel& channel, const Incoming& to, std::span<const std::byte> record, Frame& frame) {
  return link::parse_plain_frame(record, frame) && frame.payload.size() <= options_.link.max_message_bytes &&
         is_for(channel, to, frame.header);
}

/// REQUIRES: a message, a request or a reply.
inline bool Core::is_for(Channel& channel, const Incoming& to, const FrameHeader& header) {
  if (!peer_names_.match(header, channel, to.traits->type)) return false;
  if (header.kind == FrameKind::message) return true;
  if (header.kind == FrameKind::reply) return header.request_id == 0 || requests_.expects(header.request_id, channel);
  return header.request_id != 0 && requests_.has_room_for(1);
}

/// False: its bytes make no such value. What a codec throws itself goes to the user, and the record stays where it is.
inline bool Core::give_in_place(const Channel& channel, const Frame& frame, const Incoming& to) {
  if (to.traits->block != 0) {
    if (frame.payload.size() != to.traits->block) return false;
    std::memcpy(to.place_of_block(), frame.payload.data(), to.traits->block);
    return true;
  }
  return decode_in_place(channel, frame, to);
}

/// The same for a value that is decoded, or a whole message.
bool Core::decode_in_place(const Channel& channel, const Frame& frame, const Incoming& to) {
  if (to.traits->type == nullptr) {
    MessageParts& parts = to.traits->new_message(to.out);
    fill(parts, frame.header.kind, frame.header.type, frame.header.request_id);
    if (channel.index != 0) parts.channel = channel.id;
    parts.priority = Priority::from_parts(frame.header.priority, frame.header.rest);
    parts.payload.append(frame.payload.data(), frame.payload.size());
    return true;
  }
  try {
    Decoder decoder(frame.payload, options_.link.max_message_bytes);
    to.traits->decode(decoder, to.out);
    decoder.finish();
  } catch (const DecodeError&) {
    return false;  // the same from the inbox, where it stays receivable
  }
  return true;
}

/// The short path, of most messages: what is wanted is next in the link, and nothing else can come before it. False:
/// nothing was taken, and the longer ways have to see why.
inline bool Core::receive_at_once(Channel& channel, const Incoming& to) {
  if (inbox_.has_any_of(channel.index) || !reader_.is_clear()) return false;
  link::Link& link = *link_;
  if (link.overtakings() != reader_.overtakings_known()) return false;
  if (link.head() == link.seen() && !link.look()) return false;
  const auto record = link.front();
  Frame frame;
  if (!frame_for(channel, to, record, frame) || !give_in_place(channel, frame, to)) return false;
  pop_returned(link, channel, frame.header);
  return true;
}

inline void Core::pop_returned(link::Link& link, Channel& channel, const FrameHeader& header) {
  step("receive in place: decoded");
  reader_.note_read(header);
  link.pop();
  link.release_if_due();
  count_returned(channel, header.kind, header.request_id);
}

Core::InPlace Core::receive_in_place(Channel& channel, const Incoming& to, const os::Deadline& deadline) {
  if (inbox_.has_any_of(channel.index) || !reader_.is_clear()) return InPlace::not_possible;
  const std::uint32_t overtakings = link_->overtakings();  // before the look: what is counted later is looked for later
  const bool is_in_order = overtakings == reader_.overtakings_known();
  if ((link_->head() == link_->seen() || !is_in_order) && !link_->look()) return InPlace::nothing_came;
  const auto record = link_->front();
  Frame frame;
  if (record.empty()) return InPlace::not_possible;
  if (!frame_for(channel, to, record, frame)) {
    return is_in_order && to.traits->block != 0 ? receive_pieces_in_place(channel, to, record, deadline)
                                                : InPlace::not_possible;
  }
  if (!is_in_order) {
    const bool is_alone = ring::Consumer::end_of(record, link_->head()) == link_->seen();
    if (!is_alone) return InPlace::not_possible;
    reader_.note_in_order(overtakings);
  }
  if (!give_in_place(channel, frame, to)) return InPlace::not_possible;
  pop_returned(*link_, channel, frame.header);
  return InPlace::returned;
}

/// A large value whose bytes are its encoding, piece by piece to its place. Whatever is not the next piece in time (a
/// time-out, an abort, a close request) makes of it what a drain would have: a message of which pieces are still to
/// come.
Core::InPlace Core::receive_pieces_in_place(Channel& channel, const Incoming& to, std::span<const std::byte> record,
                                            const os::Deadline& deadline) {
  Frame frame;
  std::uint64_t total = 0;
  if (!link::parse_frame(record, frame) || frame.header.flags != link::kFirstFragment ||
      frame.payload.size() <= sizeof total || !is_data(frame.header.kind) || !is_for(channel, to, frame.header))
    return InPlace::not_possible;
  std::memcpy(&total, frame.payload.data(), sizeof total);
  asm volatile("" : "+r"(total));  // from here on only this copy counts
  frame.payload = frame.payload.subspan(sizeof total);
  if (total != to.traits->block || total > options_.link.max_message_bytes || frame.payload.size() > total)
    return InPlace::not_possible;
  const FrameHeader header = frame.header;
  auto* const place = static_cast<std::byte*>(to.place_of_block());
  std::size_t received = 0;

  const auto leave = [&] {
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
      // A peer that sends piece after piece, each of a byte, must not keep the wait from its end.
      const auto goes_on_at_once = [&] {
        return !deadline.passed() && !link_->is_interrupted() && link_->close_requests() == closes_thrown_;
      };
      if (link_->look() && goes_on_at_once()) continue;
      bool goes_on = false;
      try {
        goes_on = wait_for_more(deadline);
      } catch (...) {
        leave();
        throw;
      }
      if (!goes_on || peer_gone_ || link_->close_requests() != closes_thrown_) return leave();
    }
    if (!link::parse_frame(link_->front(), frame) || frame.header.kind != FrameKind::fragment ||
        frame.header.flags != 0 || frame.payload.empty() || frame.payload.size() > total - received)
      return leave();
  }
  reader_.note_read(header);
  count_returned(channel, header.kind, header.request_id);
  return InPlace::returned;
}

/// The reply to one request, if it is first in the link.
bool Core::receive_reply_in_place(Channel& channel, std::uint64_t id, const Incoming& to) {
  if (reader_.has_partial() || inbox_.find_reply(id) != nullptr || !link_->look()) return false;
  const auto record = link_->front();
  if (record.empty()) return false;
  Frame frame;
  if (!frame_for(channel, to, record, frame) || frame.header.kind != FrameKind::reply || frame.header.request_id != id)
    return false;
  if (!give_in_place(channel, frame, to)) return false;
  step("receive in place: decoded");
  link_->pop();
  link_->release_if_due();
  count_returned(channel, FrameKind::reply, id);
  return true;
}

/// All that has come, where nothing of it belongs elsewhere. False: nothing was taken, and `to` is as it was.
bool Core::receive_all_in_place(Channel& channel, const Incoming& to) {
  if (inbox_.has_any_of(channel.index) || !reader_.is_clear()) return false;
  if (link_->overtakings() != reader_.overtakings_known() || !link_->look()) return false;
  answerable_.clear();
  std::uint64_t position = link_->head();
  std::size_t count = 0;
  FrameHeader last;
  bool is_ours = true;
  const auto leave = [&] {
    for (const auto& [kind, id] : answerable_) {
      if (kind == FrameKind::reply) requests_.end_receiving(id);
    }
    to.traits->clear(to.out);
  };
  try {
    while (is_ours && position != link_->seen()) {
      const auto record = link_->read(position);
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
      last = frame.header;
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
  link_->pop_until(position);
  reader_.note_read(last);
  link_->release_if_due();
  channel.counts.received += count - answerable_.size();
  for (const auto& [kind, id] : answerable_) count_returned(channel, kind, id);
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
    if (!frame_for(channel, wanted, record, frame) || frame.header.kind != FrameKind::message ||
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

/// A message that was drained, where nothing that may have come since is to be returned before it.
Entry* Core::queued_front(const Channel& channel) {
  const bool all_is_drained = link_->head() == link_->seen() && !reader_.holds_error();
  if (!all_is_drained || reader_.overtakings_known() != link_->overtakings()) return nullptr;
  Entry* const front = inbox_.front(channel.index);
  return front == nullptr || (options_.reorders && reader_.last_priority() < front->priority) ? nullptr : front;
}

// ---- what the messenger calls ----

bool Core::receive(const ChannelId* channels, std::size_t count, const Incoming& to, Timeout timeout) {
  CallGuard guard(*this);
  throw_close();
  if (count == 1 && receive_at_once(channels_.of(channels[0]), to)) return true;
  return receive_slowly(channels, count, to, timeout);
}

}  // namespace coproc::inline v0::detail

namespace coproc::inline v0 {

// Here, and not with the other calls of Messenger, so that the compiler makes one function of the two.
bool Messenger::receive(const ChannelId* channels, std::size_t count, const detail::Incoming& to, Timeout timeout) {
  detail::Core& core = this->core();
  try {
    return core.receive(channels, count, to, timeout);
  } catch (const std::bad_alloc& error) {
    core.throw_no_memory(error);
  }
}

}  // namespace coproc::inline v0
