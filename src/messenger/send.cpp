// Sends: encodes messages, straight into the link if they fit, publishes and counts them.
#include <algorithm>
#include <cstring>
#include <utility>

#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"
#include "messenger/supervised.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;
using link::kHeaderBytes;

namespace {

constexpr std::size_t kKeptScratch = std::size_t{64} << 20;

[[noreturn]] void throw_nan(const Outgoing& value, const ChannelId& channel) {
  throw InvalidArgumentError("the priority of a " + value.traits->type->describe() + " for channel " +
                             channel.describe() +
                             " is not a number (NaN), which has no place in an order: nothing was sent");
}

}  // namespace

// ---- the short path ----

inline void Core::publish() {
  if (!writer_.publish(*link_)) check_gone_after_failed_wake();
}

/// Whether the short path is possible for this value as far as the value, its type and its channel decide that.
inline bool Core::goes_at_once(const Outgoing& value, std::uint32_t channel) const noexcept {
  return value.traits->is_block && value.traits->size_hint <= most_at_once_ && channel != Channel::kUndeclared &&
         own_names_.is_last(*value.traits->type);
}

/// The short path, which most messages take: the value's bytes in memory are its encoding, the peer knows the channel
/// and the type, and there is room. Returns false if nothing was sent; then the caller must call send_slowly().
inline bool Core::send_at_once(const FrameHeader& header, const Priority& priority, const Outgoing& value) {
  if (!goes_at_once(value, header.channel)) return false;
  link::Link& link = *link_;
  const std::span<std::byte> room = link.reserve(kHeaderBytes + value.traits->size_hint);
  if (room.empty()) return false;
  std::memcpy(room.data() + kHeaderBytes, value.value, value.traits->size_hint);
  link.commit(writer_.write_value_header(room.data(), header, priority, value.traits->size_hint));
  if (!writer_.publish(link)) check_gone_after_failed_wake();
  return true;
}

void Core::send_slowly(FrameHeader header, const Outgoing& value, Channel& channel, const os::Deadline& deadline) {
  if (notes_ != nullptr) [[unlikely]]
    return send_and_note(header, value, channel, deadline);
  header.channel = channel_number(channel, deadline);
  header.type = type_number(*value.traits->type, deadline);
  send_payload(header, value, deadline);
}

// ---- the calls of Messenger ----

template <FrameKind kKind>
[[gnu::always_inline]] inline std::uint64_t Core::send_as(const Outgoing& value, const ChannelId& name,
                                                          const SendOptions& options, std::uint64_t answers) {
  throw_if_closed();
  send_unsent(options.timeout);
  const Priority priority = options.priority ? *options.priority : value.priority ? *value.priority : Priority();
  if (priority.is_nan()) throw_nan(value, name);
  Channel& channel = channels_.of(name);
  constexpr bool kIsRequest = kKind == FrameKind::request;
  const std::uint64_t id = kIsRequest ? requests_.next_id() : answers;
  const FrameHeader header{0,  kKind,           0, priority.rest(), channel.number, own_names_.last_number(),
                           id, priority.value()};
  // Before the send, since the reply may arrive before this call returns.
  if constexpr (kIsRequest) {
    if (requests_.copies() != nullptr) keep_copy(value, name, priority);
    requests_.begin(channel);
  }
  try {
    if (!send_at_once(header, priority, value)) send_slowly(header, value, channel, deadline_of(options.timeout));
  } catch (...) {
    if constexpr (kIsRequest) requests_.give_up();
    throw;
  }
  ++channel.counts.sent;
  if constexpr (kIsRequest) {
    requests_.note_sent(channel);
  } else {
    if (id != 0) requests_.note_answered(channel, id);
  }
  return id;
}

void Core::send(const Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  const CallGuard guard(*this);
  send_as<FrameKind::message>(value, channel, options, 0);
}

std::uint64_t Core::send_request(const Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  const CallGuard guard(*this);
  return send_as<FrameKind::request>(value, channel, options, 0);
}

void Core::send_requests(Outgoing value, std::size_t size, std::size_t count, std::vector<RequestId>& ids,
                         const ChannelId& channel, const SendOptions& options) {
  const CallGuard guard(*this);
  while (count != 0) {
    const std::uint64_t first = requests_.next_id();
    std::size_t sent = send_requests_at_once(value, size, count, channel, options);
    if (sent == 0) {
      send_as<FrameKind::request>(value, channel, options, 0);
      sent = 1;
    }
    for (std::size_t i = 0; i != sent; ++i) ids.push_back(RequestId{first + i});
    value.value = static_cast<const std::byte*>(value.value) + sent * size;
    count -= sent;
  }
}

/// The short path for many values: it sends as many as there is contiguous room for, and returns how many. If that is
/// none, the caller must send the next one by send_as(). REQUIRES: a batch has begun, which publishes them.
std::size_t Core::send_requests_at_once(const Outgoing& value, std::size_t size, std::size_t count,
                                        const ChannelId& name, const SendOptions& options) {
  throw_if_closed();
  const Priority priority = options.priority ? *options.priority : Priority();
  Channel& channel = channels_.of(name);
  if (requests_.copies() != nullptr) return 0;
  if (priority.is_nan() || !goes_at_once(value, channel.number)) return 0;
  const std::size_t payload = value.traits->size_hint;
  const std::size_t record = ring::rounded_up(kHeaderBytes + payload);
  link::Link& link = *link_;
  const std::span<std::byte> room = link.reserve(record);
  count = std::min(count, room.size() / record);
  if (count == 0) return 0;
  FrameHeader header{0,
                     FrameKind::request,
                     0,
                     priority.rest(),
                     channel.number,
                     own_names_.last_number(),
                     requests_.next_id(),
                     priority.value()};
  requests_.note_all_sent(channel, count);
  channel.counts.sent += count;
  const auto* from = static_cast<const std::byte*>(value.value);
  std::byte* to = room.data();
  for (std::size_t i = 0; i != count; ++i, ++header.request_id, from += size, to += record) {
    std::memcpy(to + kHeaderBytes, from, payload);
    link.commit(writer_.write_value_header(to, header, priority, payload));
  }
  return count;
}

void Core::send_reply(const Outgoing& value, const ChannelId& name, const SendOptions& options) {
  const CallGuard guard(*this);
  Channel& channel = channels_.of(name);
  if (!left_to_answer_.empty()) [[unlikely]]
    refuse_if_left(channel);
  send_as<FrameKind::reply>(value, name, options, requests_.oldest_to_answer(channel));
}

void Core::reply_to(const Message& request, const Outgoing& value, const SendOptions& options) {
  const CallGuard guard(*this);
  send_as<FrameKind::reply>(value, request.channel(), options, request_to_answer(request));
}

/// Returns nullopt if there is no room now.
template <FrameKind kKind>
std::optional<std::uint64_t> Core::try_send_as(const Outgoing& value, const ChannelId& channel,
                                               std::optional<Priority> priority) {
  try {
    return send_as<kKind>(value, channel, {.timeout = std::chrono::seconds(0), .priority = priority}, 0);
  } catch (const TimeoutError&) {
    if (!keeps_rest_) room_wanted_at_ = link_->sent_until();
    return std::nullopt;
  }
}

template std::optional<std::uint64_t> Core::try_send_as<FrameKind::request>(const Outgoing&, const ChannelId&,
                                                                            std::optional<Priority>);

bool Core::try_send(const Outgoing& value, const ChannelId& channel, std::optional<Priority> priority) {
  CallGuard guard(*this);
  return try_send_as<FrameKind::message>(value, channel, priority).has_value();
}

std::optional<std::uint64_t> Core::try_send_request(const Outgoing& value, const ChannelId& channel,
                                                    std::optional<Priority> priority) {
  CallGuard guard(*this);
  return try_send_as<FrameKind::request>(value, channel, priority);
}

bool Core::begin_send(const Outgoing& value) {
  CallGuard guard(*this);
  struct Keeping {
    bool& keeps;
    ~Keeping() { keeps = false; }
  } keeping{keeps_rest_ = true};
  return try_send_as<FrameKind::message>(value, kDefaultChannel, std::nullopt).has_value();
}

bool Core::send_rest() {
  CallGuard guard(*this);
  throw_if_gone();
  return writer_.send_rest(*link_);
}

void Core::send_close_request() {
  CallGuard guard(*this);
  throw_if_gone();
  link_->request_close();
  has_asked_close_ = true;
  retires_peer_ = false;
}

void Core::send_end(const SendOptions& options) {
  CallGuard guard(*this);
  throw_if_gone();
  send_unsent(options.timeout);  // behind which the end may be told again
  retires_peer_ = false;
  if (has_sent_end_ || owes_end_) return;
  FrameHeader header;
  header.kind = FrameKind::end;
  send_bytes(header, {}, deadline_of(options.timeout));
  has_sent_end_ = true;
}

void Core::begin_batch() {
  CallGuard guard(*this);
  writer_.set_publishing(FrameWriter::Publishing::later);
}

void Core::end_batch() noexcept {
  if (writer_.publishing() != FrameWriter::Publishing::later) return;
  writer_.set_publishing(FrameWriter::Publishing::at_once);
  writer_.publish_now(*link_);  // if the peer cannot be woken any more, the next wait finds out
}

// ---- the helpers of all sends ----

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

namespace coproc::inline v0 {

// These are here, and not in messenger.cpp, so that the compiler can inline the methods of Core into them.
void Messenger::send(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  detail::supervised(core(), options, [&](const SendOptions& now) { core_->send(value, channel, now); });
}
RequestId Messenger::send_request(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  return detail::supervised(
      core(), options, [&](const SendOptions& now) { return RequestId{core_->send_request(value, channel, now)}; });
}
void Messenger::send_requests(detail::Outgoing value, std::size_t size, std::size_t count, std::vector<RequestId>& ids,
                              const ChannelId& channel, const SendOptions& options) {
  const std::size_t before = ids.size();
  detail::supervised(core(), options, [&](const SendOptions& now) {
    const std::size_t sent = ids.size() - before;  // to a worker that has ended since
    detail::Outgoing rest = value;
    rest.value = static_cast<const std::byte*>(value.value) + sent * size;
    core_->send_requests(rest, size, count - sent, ids, channel, now);
  });
}
void Messenger::send_reply(const detail::Outgoing& value, const ChannelId& channel, const SendOptions& options) {
  detail::supervised(core(), options, [&](const SendOptions& now) { core_->send_reply(value, channel, now); });
}

}  // namespace coproc::inline v0
