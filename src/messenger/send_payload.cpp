// How a payload gets into the link: encoded straight into it if it fits, or in pieces, as soon as there is room.
#include <algorithm>
#include <cstring>

#include "messenger/core.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;
using link::kHeaderBytes;

namespace {

constexpr std::size_t kKeptScratch = std::size_t{64} << 20;

}  // namespace

inline void Core::publish() {
  if (!writer_.publish(*link_)) check_gone_after_failed_wake();
}

/// Returns how much the message costs in an inbox, besides what each entry costs.
std::size_t Core::send_payload(FrameHeader header, const Outgoing& value, const os::Deadline& deadline) {
  if (value.traits->is_block && value.traits->size_hint <= options_.link.max_message_bytes) {
    send_bytes(header, {static_cast<const std::byte*>(value.value), value.traits->size_hint}, deadline);
    return value.traits->size_hint;
  }
  const std::size_t most = link_->max_record();
  const std::span<std::byte> room =
      link_->reserve(kHeaderBytes + std::min(value.traits->size_hint, most - kHeaderBytes));
  const std::span<std::byte> front = room.empty() ? room : room.subspan(kHeaderBytes);
  scratch_.clear();
  Encoder encoder(front, scratch_, options_.link.max_message_bytes);
  const OutgoingLoans::Message loans(outgoing_loans_, encoder);
  step("send: reserved");
  value.traits->encode(encoder, value.value);  // if it throws, nothing was published
  const std::size_t cost = encoder.size() + outgoing_loans_.lent_bytes();
  loans.finish(header);
  step("send: encoded");
  if (!room.empty() && !encoder.spilled()) {
    writer_.write(*link_, room, header, encoder.written());
    publish();
    loans.hand_over();
    return cost;
  }
  send_bytes(header, encoder.written(), deadline);
  loans.hand_over();
  if (scratch_.capacity() > kKeptScratch) scratch_ = Buffer();
  return cost;
}

void Core::send_bytes(FrameHeader header, std::span<const std::byte> payload, const os::Deadline& deadline) {
  if (kHeaderBytes + payload.size() > link_->max_record()) return send_fragments(header, payload, deadline);
  writer_.write(*link_, room_for(kHeaderBytes + payload.size(), deadline), header, payload);
  publish();
}

/// Writes the first record of a payload that takes several into this room, which is that of the largest record. Returns
/// what is left of the payload.
std::span<const std::byte> Core::write_first_piece(std::span<std::byte> room, FrameHeader header,
                                                   std::span<const std::byte> payload) {
  // The first frame carries the header and the total size. The frames of the other pieces need neither.
  header.flags = static_cast<std::uint8_t>(header.flags | link::kFirstFragment);
  const std::uint64_t total = payload.size();
  std::memcpy(room.data() + kHeaderBytes, &total, sizeof total);
  const std::size_t first = link_->max_record() - kHeaderBytes - sizeof total;
  std::memcpy(room.data() + kHeaderBytes + sizeof total, payload.data(), first);
  writer_.write(*link_, room, header, room.subspan(kHeaderBytes, sizeof total + first));
  return payload.subspan(first);
}

void Core::send_fragments(FrameHeader header, std::span<const std::byte> payload, const os::Deadline& deadline) {
  const std::size_t most = link_->max_record();
  payload = write_first_piece(room_for(most, deadline), header, payload);  // if room_for() throws, nothing was sent
  FrameHeader next;
  next.kind = FrameKind::fragment;
  try {
    publish();
    while (!payload.empty()) {
      const std::size_t piece = std::min(payload.size(), most - kHeaderBytes);
      if (keeps_rest_ && link_->reserve(kHeaderBytes + piece).empty()) return writer_.keep_rest(payload, scratch_);
      writer_.write(*link_, room_for(kHeaderBytes + piece, deadline), next, payload.first(piece));
      publish();
      payload = payload.subspan(piece);
      step("send: between fragments");
    }
  } catch (...) {
    writer_.abort_message();
    throw;
  }
}

std::span<std::byte> Core::room_for(std::size_t bytes, const os::Deadline& deadline) {
  std::span<std::byte> room = link_->reserve(bytes);
  if (!room.empty()) return room;

  struct Stuck {
    link::Link& link;
    bool is_set = false;
    void set(bool to) {
      if (is_set != to) link.set_stuck(is_set = to);
    }
    ~Stuck() { set(false); }
  } stuck{*link_};

  room_wanted_ = bytes;
  const bool is_watched = (peer_word_.load(std::memory_order_relaxed) & kIsWatched) != 0;  // relaxed: never changes
  os::Deadline next_look = deadline;
  for (bool is_late = false;;) {
    ++waits_for_room_;
    if (writer_.publishing() != FrameWriter::Publishing::at_once)
      writer_.publish_now(*link_);  // the peer makes room only by taking published records
    // Two ends that both only send must not block each other, so messages that have arrived go to the inbox.
    drain(Stop::at_last_frame);
    room = link_->reserve(bytes);
    if (!room.empty()) return room;
    if (peer_gone_) report_peer_gone(&deadline);
    const os::Deadline* until = &deadline;
    if (is_watched) [[unlikely]] {
      next_look = os::Deadline(std::min(watch(), deadline.remaining()));
      until = &next_look;
    }
    stuck.set(reader_.is_inbox_full());
    if (reader_.is_inbox_full() && options_.role != Role::worker && link_->peer_is_stuck()) {
      throw QueueFullError("both ends of the link to " + options_.peer.name +
                           " are blocked in a send with a full inbox (here most on channel " +
                           channels_.at(inbox_.fullest()).id.describe() +
                           "): receive something, or raise LinkOptions::max_queued_bytes; nothing was sent");
    }
    switch (wait(*until, !reader_.is_inbox_full(), bytes)) {
      case link::WaitEnd::changed:
        // A peer that sends all the time must not extend the deadline. After it, this end looks once more.
        if (!is_late) {
          is_late = deadline.passed();
          break;
        }
        [[fallthrough]];
      case link::WaitEnd::timed_out:
        if (until != &deadline && !deadline.passed()) break;
        throw TimeoutError("no space for the message to " + options_.peer.name +
                           " in the time given (it does not receive): nothing was sent");
      case link::WaitEnd::interrupted:
        throw InterruptedError("the send to " + options_.peer.name + " was interrupted: nothing was sent");
      case link::WaitEnd::peer_gone:
        peer_gone_ = true;
        break;
    }
    if (is_known_gone()) peer_gone_ = true;
  }
}

}  // namespace coproc::inline v0::detail
