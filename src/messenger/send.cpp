// The calls that send: what a message costs in counts and books, and the short path that most messages take.
#include <algorithm>
#include <cstring>
#include <utility>

#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"
#include "messenger/supervised.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;
using link::kHeaderBytes;

namespace {

[[noreturn]] void throw_nan(const Outgoing& value, const ChannelId& channel) {
  throw InvalidArgumentError("the priority of a " + value.traits->type->describe() + " for channel " +
                             channel.describe() +
                             " is not a number (NaN), which has no place in an order: nothing was sent");
}

}  // namespace

// ---- the short path ----

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
