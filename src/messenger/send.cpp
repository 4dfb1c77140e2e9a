// Messages on their way out: prepared, encoded straight into the link where they fit, published, counted.
#include <algorithm>
#include <cstring>
#include <utility>

#include "messenger/core.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;
using link::kHeaderBytes;

namespace {

constexpr std::size_t kKeptScratch = std::size_t{64} << 20;

/// What its receiver does not return, and which therefore overtakes nothing.
bool is_piece(FrameKind kind) { return kind >= FrameKind::channel; }
bool is_data(FrameKind kind) { return kind <= FrameKind::error_reply; }

[[noreturn]] void throw_nan(const Outgoing& value, const ChannelId& channel) {
  throw InvalidArgumentError("the priority of a " + value.type->describe() + " for channel " + channel.describe() +
                             " is not a number (NaN), which has no place in an order: nothing was sent");
}

os::Deadline deadline_of(const SendOptions& options) { return os::Deadline(options.timeout.ns); }

}  // namespace

// ---- how a frame leaves ----

inline bool Core::publish_now() noexcept {
  const bool can_be_woken = transport_->publish();
  if (std::exchange(overtakes_, false)) transport_->note_overtaking();
  return can_be_woken;
}

/// By value: a header that is put together and written at once stays in registers.
inline void Core::finish_frame(std::span<std::byte> room, FrameHeader header, std::size_t payload_bytes) noexcept {
  header.length = static_cast<std::uint32_t>(kHeaderBytes + payload_bytes);
  if (owes_abort_) {
    header.flags = static_cast<std::uint8_t>(header.flags | link::kAbort);
    owes_abort_ = false;
  }
  if (!is_piece(header.kind)) {
    // What the receiver must look for before it returns what it has already seen.
    const Priority priority = Priority::from_parts(header.priority, header.rest);
    if (!is_data(header.kind) || priority < last_sent_) overtakes_ = true;
    last_sent_ = priority;
  }
  link::write_header(room.data(), header);
  step("send: header written");
  transport_->commit(header.length);
}

inline void Core::publish() {
  if (publishing_ != Publishing::at_once) return publish_less();
  if (!publish_now()) check_gone_after_broken_wake();
}

void Core::publish_less() noexcept {
  if (publishing_ == Publishing::later) return;
  if (overtakes_) {
    publish_now();  // a peer that cannot be woken any more is noticed by the next wait
  } else {
    transport_->publish_quietly();
  }
}

/// Straight into the link, where the value's bytes in memory are its encoding and there is room. False: nothing was sent.
inline bool Core::send_block(FrameHeader header, const Outgoing& value) {
  const std::size_t bytes = kHeaderBytes + value.size_hint;
  if (!value.is_block || bytes > transport_->max_record() || value.size_hint > options_.link.max_message_bytes)
    return false;
  const std::span<std::byte> room = transport_->reserve(bytes);
  if (room.empty()) return false;
  std::memcpy(room.data() + kHeaderBytes, value.value, value.size_hint);
  finish_frame(room, header, value.size_hint);
  publish();
  return true;
}

// ---- what the messenger calls ----

std::uint64_t Core::send(Kind kind, const Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  CallGuard guard(*this);
  return send_unguarded(kind, value, channel, options);
}

std::uint64_t Core::send_unguarded(Kind kind, const Outgoing& value, const ChannelId& name,
                                   const SendOptions& options) {
  throw_if_closed();
  const Priority priority = options.priority ? *options.priority : value.priority ? *value.priority : Priority();
  if (priority.is_nan()) throw_nan(value, name);
  const os::Deadline deadline = deadline_of(options);
  Channel& channel = channels_.of(name);
  const std::uint32_t channel_no = channel_number(channel, deadline);
  const std::uint32_t type_no = type_number(*value.type, deadline);
  const bool is_request = kind.frame == FrameKind::request;
  const std::uint64_t id = is_request ? requests_.next_id() : kind.answers;
  const FrameHeader header{0, kind.frame, 0, priority.rest(), channel_no, type_no, id, priority.value()};
  // Before it leaves: its reply may be there before this call has ended.
  if (is_request) requests_.begin(channel);
  try {
    if (!send_block(header, value)) send_payload(header, value, deadline);
  } catch (...) {
    if (is_request) requests_.give_up();
    throw;
  }
  finish_send(kind, channel, id);
  return id;
}

bool Core::try_send(const Outgoing& value, const ChannelId& channel, std::optional<Priority> priority) {
  CallGuard guard(*this);
  try {
    send_unguarded({FrameKind::message}, value, channel, {.timeout = std::chrono::seconds(0), .priority = priority});
    return true;
  } catch (const TimeoutError&) {
    return false;
  }
}

bool Core::begin_send(const Outgoing& value) {
  CallGuard guard(*this);
  struct Keeping {
    bool& keeps;
    ~Keeping() { keeps = false; }
  } keeping{keeps_rest_ = true};
  try {
    send_unguarded({FrameKind::message}, value, {}, {.timeout = std::chrono::seconds(0)});
    return true;
  } catch (const TimeoutError&) {
    return false;
  }
}

bool Core::send_rest() {
  CallGuard guard(*this);
  throw_if_gone();
  bool any = false;
  while (has_rest()) {
    const std::size_t piece = next_piece();
    const std::span<std::byte> room = transport_->reserve(piece);
    if (room.empty()) break;
    FrameHeader next;
    next.kind = FrameKind::fragment;
    write_frame(room, next, rest_.span().subspan(rest_at_, piece - kHeaderBytes));
    rest_at_ += piece - kHeaderBytes;
    any = true;
    if (rest_at_ == rest_.size()) rest_ = Buffer();
  }
  if (any) publish_now();  // a peer that cannot be woken any more is noticed by the next wait
  return any;
}

std::size_t Core::next_piece() const noexcept {
  return std::min(kHeaderBytes + rest_.size() - rest_at_, transport_->max_record());
}

/// What there is no room for now. The largest part of memory is taken over, and not copied.
void Core::keep_rest(std::span<const std::byte> payload) {
  const std::span<const std::byte> scratch = scratch_.span();
  if (payload.data() + payload.size() == scratch.data() + scratch.size()) {
    rest_at_ = scratch.size() - payload.size();
    rest_ = std::exchange(scratch_, Buffer());
  } else {
    rest_at_ = 0;
    rest_.append(payload.data(), payload.size());
  }
}

void Core::send_reply(const Outgoing& value, const ChannelId& name, const SendOptions& options) {
  CallGuard guard(*this);
  Channel& channel = channels_.of(name);
  send_unguarded({FrameKind::reply, requests_.oldest_to_answer(channel)}, value, name, options);
}

void Core::send_close_request() {
  CallGuard guard(*this);
  throw_if_gone();
  transport_->request_close();
}

void Core::send_end(const SendOptions& options) {
  CallGuard guard(*this);
  throw_if_gone();
  if (has_sent_end_) return;
  FrameHeader header;
  header.kind = FrameKind::end;
  send_bytes(header, {}, deadline_of(options));
  has_sent_end_ = true;
}

void Core::throw_sent_end() const {
  throw LinkClosedError("send_end() has told " + options_.peer.name +
                        " that nothing more will be sent: nothing was sent");
}

void Core::begin_batch() {
  CallGuard guard(*this);
  publishing_ = Publishing::later;
}

void Core::end_batch() noexcept {
  if (publishing_ != Publishing::later) return;
  publishing_ = Publishing::at_once;
  publish_now();  // a peer that cannot be woken any more is noticed by the next wait
}

// ---- what every send does ----

/// What is counted once the message is out, and only then.
void Core::finish_send(Kind kind, Channel& channel, std::uint64_t id) {
  ++channel.counts.sent;
  if (kind.frame == FrameKind::request) {
    requests_.note_sent(channel);
  } else if (id != 0) {
    requests_.note_answered(channel, id);
  }
}

void Core::send_payload(FrameHeader header, const Outgoing& value, const os::Deadline& deadline) {
  if (value.is_block && value.size_hint <= options_.link.max_message_bytes)
    return send_bytes(header, {static_cast<const std::byte*>(value.value), value.size_hint}, deadline);
  const std::size_t most = transport_->max_record();
  const std::span<std::byte> room = transport_->reserve(kHeaderBytes + std::min(value.size_hint, most - kHeaderBytes));
  const std::span<std::byte> front = room.empty() ? room : room.subspan(kHeaderBytes);
  scratch_.clear();
  Encoder encoder(front, scratch_, options_.link.max_message_bytes);
  const OutgoingLoans::Message loans(outgoing_loans_, encoder);
  step("send: reserved");
  value.encode(encoder, value.value);  // what it throws has published nothing
  loans.finish(header);
  step("send: encoded");
  if (!room.empty() && !encoder.spilled()) {
    write_frame(room, header, encoder.written());
    publish();
    loans.hand_over();
    return;
  }
  send_bytes(header, encoder.written(), deadline);
  loans.hand_over();
  if (scratch_.capacity() > kKeptScratch) scratch_ = Buffer();
}

void Core::send_bytes(FrameHeader header, std::span<const std::byte> payload, const os::Deadline& deadline) {
  if (kHeaderBytes + payload.size() > transport_->max_record()) return send_fragments(header, payload, deadline);
  write_frame(room_for(kHeaderBytes + payload.size(), deadline), header, payload);
  publish();
}

void Core::send_fragments(FrameHeader header, std::span<const std::byte> payload, const os::Deadline& deadline) {
  const std::size_t most = transport_->max_record();
  const std::uint64_t total = payload.size();
  std::span<std::byte> room = room_for(most, deadline);  // until here nothing was sent
  // The first frame carries the header and the total; the pieces that follow need neither.
  header.flags = static_cast<std::uint8_t>(header.flags | link::kFirstFragment);
  std::memcpy(room.data() + kHeaderBytes, &total, sizeof total);
  const std::size_t first = most - kHeaderBytes - sizeof total;
  std::memcpy(room.data() + kHeaderBytes + sizeof total, payload.data(), first);
  write_frame(room, header, room.subspan(kHeaderBytes, sizeof total + first));
  payload = payload.subspan(first);
  FrameHeader next;
  next.kind = FrameKind::fragment;
  try {
    publish();
    while (!payload.empty()) {
      const std::size_t piece = std::min(payload.size(), most - kHeaderBytes);
      if (keeps_rest_ && transport_->reserve(kHeaderBytes + piece).empty()) return keep_rest(payload);
      write_frame(room_for(kHeaderBytes + piece, deadline), next, payload.first(piece));
      publish();
      payload = payload.subspan(piece);
      step("send: between fragments");
    }
  } catch (...) {
    owes_abort_ = true;  // the next frame tells the peer to drop what came
    throw;
  }
}

void Core::write_frame(std::span<std::byte> room, FrameHeader header, std::span<const std::byte> payload) noexcept {
  if (!payload.empty() && payload.data() != room.data() + kHeaderBytes)
    std::memcpy(room.data() + kHeaderBytes, payload.data(), payload.size());
  finish_frame(room, header, payload.size());
}

std::span<std::byte> Core::room_for(std::size_t bytes, const os::Deadline& deadline) {
  std::span<std::byte> room = transport_->reserve(bytes);
  if (!room.empty()) return room;

  struct Stuck {
    link::Link& transport;
    bool is_set = false;
    void set(bool to) {
      if (is_set != to) transport.set_stuck(is_set = to);
    }
    ~Stuck() { set(false); }
  } stuck{*transport_};

  for (bool is_late = false;;) {
    ++waits_for_room_;
    if (publishing_ != Publishing::at_once) publish_now();  // the peer can only make room for what it sees
    // Two sides that both only send must not block each other: what has come goes to the inbox.
    drain(Stop::at_nothing);
    room = transport_->reserve(bytes);
    if (!room.empty()) return room;
    if (peer_gone_) throw_gone();
    stuck.set(reader_.is_inbox_full());
    if (reader_.is_inbox_full() && options_.role != Role::worker && transport_->peer_is_stuck()) {
      throw QueueFullError("both ends of the link to " + options_.peer.name +
                           " are blocked in a send with a full inbox (here most on channel " +
                           channels_.at(inbox_.fullest()).id.describe() +
                           "): receive something, or raise LinkOptions::max_queued_bytes; nothing was sent");
    }
    switch (wait(deadline, !reader_.is_inbox_full(), bytes)) {
      case link::WaitEnd::changed:
        // A peer that always has something must not keep the time from passing: after its end there is one more look.
        if (!is_late) {
          is_late = deadline.passed();
          break;
        }
        [[fallthrough]];
      case link::WaitEnd::timed_out:
        throw TimeoutError("no space for the message to " + options_.peer.name +
                           " in the time given (it does not receive): nothing was sent");
      case link::WaitEnd::interrupted:
        throw InterruptedError("the send to " + options_.peer.name + " was interrupted: nothing was sent");
      case link::WaitEnd::peer_gone:
        peer_gone_ = true;
        break;
    }
    if (peer_known_gone_.load(std::memory_order_acquire)) peer_gone_ = true;  // pairs with note_peer_gone()
  }
}

}  // namespace coproc::inline v0::detail

namespace coproc::inline v0 {

// Here, and not with the other calls of Messenger, so that the compiler makes one function of the two.
void Messenger::send(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  detail::Core& core = this->core();
  try {
    core.send({link::FrameKind::message}, value, channel, options);
  } catch (const std::bad_alloc& error) {
    core.throw_no_memory(error);
  }
}
RequestId Messenger::send_request(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  detail::Core& core = this->core();
  try {
    return RequestId{core.send({link::FrameKind::request}, value, channel, options)};
  } catch (const std::bad_alloc& error) {
    core.throw_no_memory(error);
  }
}
void Messenger::send_reply(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  detail::Core& core = this->core();
  try {
    core.send_reply(value, channel, options);
  } catch (const std::bad_alloc& error) {
    core.throw_no_memory(error);
  }
}

}  // namespace coproc::inline v0
