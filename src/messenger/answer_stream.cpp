// Streams, that is, requests that are answered in several parts: the side that sends the parts.
#include <chrono>
#include <string>
#include <variant>

#include "coproc/stream.hpp"
#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"
#include "messenger/supervised.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;

void Core::reply_part_to(const Message& request, const Outgoing& part, const SendOptions& options) {
  CallGuard guard(*this);
  throw_if_closed();
  send_unsent(options.timeout);
  const os::Deadline deadline = deadline_of(options.timeout);
  const std::uint64_t id = stream_to_answer(request, deadline);
  wait_for_credit(request, id, deadline);
  send_part(request.channel(), id, part, deadline);
}

bool Core::try_reply_part_to(const Message& request, const Outgoing& part) {
  CallGuard guard(*this);
  const os::Deadline at_once(std::chrono::seconds(0));
  throw_if_closed();
  try {
    send_unsent(std::chrono::seconds(0));
    const std::uint64_t id = stream_to_answer(request, at_once);
    Streams::Answering& stream = *requests_.streams().answering(id);
    if (!stream.has_credit()) {
      requests_.streams().set_refused(stream, true);
      return false;
    }
    send_part(request.channel(), id, part, at_once);
  } catch (const TimeoutError&) {
    room_wanted_at_ = link_->sent_until();
    return false;
  }
  return true;
}

/// The id of the stream. Looks first for what the reader has said; if it has given up, this ends the stream and throws
/// StreamCancelledError.
std::uint64_t Core::stream_to_answer(const Message& request, const os::Deadline& deadline) {
  const std::uint64_t id = request_to_answer(request);
  drain(Stop::at_last_frame);
  Streams::Answering* const stream = requests_.streams().answering(id);
  if (stream == nullptr) {
    throw NoRequestError("the request on channel " + request.channel().describe() +
                         " expects one reply, and no parts: answer it by reply_to, or send it by stream()");
  }
  requests_.streams().set_refused(*stream, false);
  if (stream->is_cancelled) end_cancelled(request, id, deadline);
  return id;
}

void Core::end_cancelled(const Message& request, std::uint64_t id, const os::Deadline& deadline) {
  Channel& channel = channels_.of(request.channel());
  FrameHeader header;
  header.kind = FrameKind::reply;
  header.channel = channel_number(channel, deadline);
  header.type = type_number(type_info<std::monostate>, deadline);
  header.request_id = id;
  header.priority = Priority().value();
  const std::int64_t begun = notes_ == nullptr ? 0 : os::now_ns();
  (void)send_payload(header, outgoing(std::monostate()), deadline);
  ++channel.counts.sent;
  requests_.note_answered(channel, id);
  if (notes_ != nullptr) note_sent(FrameKind::reply, id, type_info<std::monostate>, begun);
  throw StreamCancelledError(options_.peer.name + " has given up the stream on channel " +
                             request.channel().describe() + ": it wants no more parts, and the request is answered");
}

/// Waits until the reader's window has room. Meanwhile messages that have arrived go to the inbox.
void Core::wait_for_credit(const Message& request, std::uint64_t id, const os::Deadline& deadline) {
  for (bool is_late = false;;) {
    const Streams::Answering& stream = *requests_.streams().answering(id);
    if (stream.is_cancelled) end_cancelled(request, id, deadline);
    if (stream.has_credit()) return;
    if (peer_gone_) report_peer_gone(&deadline);
    throw_if_close_requested();
    if (reader_.is_inbox_full()) {
      throw QueueFullError("the window of the stream to " + options_.peer.name +
                           " is full, and the inbox, too, so that nothing more can come (most is on channel " +
                           channels_.at(inbox_.fullest()).id.describe() + "): receive something; nothing was sent");
    }
    const bool throws_close = close_requests_thrown_ != 0 && !is_late;
    send_owed();
    switch (wait(throws_close ? os::Deadline(std::chrono::seconds(0)) : deadline, true, room_for_owed())) {
      case link::WaitEnd::changed:
        if (!is_late) {
          is_late = deadline.passed();
          break;
        }
        [[fallthrough]];
      case link::WaitEnd::timed_out:
        if (throws_close) throw_close_request();
        throw TimeoutError("the window of the stream to " + options_.peer.name +
                           " has stayed full for the time given (its parts are not read): nothing was sent");
      case link::WaitEnd::interrupted:
        throw InterruptedError("the send to " + options_.peer.name + " was interrupted: nothing was sent");
      case link::WaitEnd::peer_gone:
        peer_gone_ = true;
        break;
    }
    if (is_known_gone()) peer_gone_ = true;
    drain(Stop::at_last_frame);
  }
}

void Core::send_part(const ChannelId& name, std::uint64_t id, const Outgoing& part, const os::Deadline& deadline) {
  Channel& channel = channels_.of(name);
  FrameHeader header;
  header.kind = FrameKind::part;
  header.channel = channel_number(channel, deadline);
  header.type = type_number(*part.traits->type, deadline);
  header.request_id = id;
  const std::size_t cost = send_payload(header, part, deadline);
  step("stream: part sent");
  ++channel.counts.sent;
  if (Streams::Answering* const stream = requests_.streams().answering(id)) stream->unpaid += Streams::cost_of(cost);
}

}  // namespace coproc::inline v0::detail

namespace coproc::inline v0 {

void Messenger::reply_part_to(const Message& request, const detail::Outgoing& part, const SendOptions& options) {
  detail::supervised(core(), options, [&](const SendOptions& now) { core_->reply_part_to(request, part, now); });
}
bool Messenger::try_reply_part_to(const Message& request, const detail::Outgoing& part) {
  return detail::supervised(core(), Timeout(std::chrono::seconds(0)),
                            [&](const Timeout&) { return core_->try_reply_part_to(request, part); });
}
void Messenger::end_reply_to(const Message& request, const SendOptions& options) {
  reply_to(request, detail::outgoing(std::monostate()), options);
}

}  // namespace coproc::inline v0
