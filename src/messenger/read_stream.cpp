// Streams, that is, requests that are answered in several parts: the side that asks for a stream and reads it.
#include "coproc/stream.hpp"

#include <exception>
#include <string>
#include <utility>
#include <variant>

#include "messenger/access.hpp"
#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"
#include "messenger/supervised.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;
using link::kHeaderBytes;

namespace {

/// A request, and behind it the window of the stream that it asks for.
struct Asking {
  const Outgoing& request;
  std::uint64_t window;

  static void encode(Encoder& encoder, const void* asking) {
    const auto& [request, window] = *static_cast<const Asking*>(asking);
    request.traits->encode(encoder, request.value);
    encoder.scalar(window);
  }
};

constexpr std::size_t kCreditFrame = kHeaderBytes + sizeof(std::uint64_t);

}  // namespace

std::uint64_t Core::begin_stream(const Outgoing& request, const ChannelId& name, const StreamOptions& options) {
  CallGuard guard(*this);
  throw_if_closed();
  send_unsent(options.timeout);
  const Priority priority = options.priority ? *options.priority : request.priority ? *request.priority : Priority();
  if (priority.is_nan()) throw InvalidArgumentError("the priority of a stream is not a number: nothing was sent");
  Channel& channel = channels_.of(name);
  const std::uint64_t id = requests_.next_id();
  const Asking asking{request, options.window_bytes != 0 ? options.window_bytes : 2 * link_->max_record()};
  const OutgoingTraits traits{Asking::encode, request.traits->type, request.traits->size_hint + sizeof asking.window,
                              false};
  FrameHeader header;
  header.kind = FrameKind::request;
  header.flags = link::kAsksForParts;
  header.rest = priority.rest();
  header.request_id = id;
  header.priority = priority.value();
  Streams& streams = requests_.streams();
  streams.begin(id, channel.index, asking.window);  // before the send, since parts may arrive before it returns
  try {
    if (requests_.copies() != nullptr) keep_copy(request, name, priority, asking.window);
    send_slowly(header, {&asking, &traits, std::nullopt}, channel, deadline_of(options.timeout));
  } catch (...) {
    streams.forget(id);
    requests_.forget_copy(id);
    throw;
  }
  requests_.continue_from(id + 1);
  ++channel.counts.sent;
  return id;
}

/// Delivers the next part that has come, if there is one. If it throws, the stream goes on exactly if it is still in
/// the books.
Core::Part Core::take_part(std::uint64_t id, const Incoming& to) {
  Streams& streams = requests_.streams();
  Streams::Reading* const stream = streams.reading(id);
  if (stream == nullptr) throw_not_outstanding(RequestId{id});
  if (stream->entries.empty()) {
    if (!stream->is_orphan) return Part::none;
    streams.forget(id);
    throw_not_outstanding(RequestId{id});
  }
  Entry& entry = *stream->entries.front();
  const bool is_last = stream->has_end && stream->entries.size() == 1;
  const bool is_error = entry.kind == FrameKind::error_reply;
  const bool is_end = is_last && !is_error && peer_names_.type(entry.type)->id == type_info<std::monostate>.id;
  const bool is_message = to.traits->type == nullptr;
  if (!is_message && !is_error && !is_end) deliver_entry(entry, to);  // if it throws, the entry stays
  inbox_.discharge(entry.cost());
  const EntryPtr taken = streams.take(*stream);
  if (is_last) streams.forget(id);
  if (is_last && notes_ != nullptr) {
    taken->request_id = id;  // parts do not have it
    note_received(*taken);
  }
  if (is_error) {
    taken->request_id = id;
    const std::exception_ptr error = error_of(*taken);
    own_errors_.erase(id);
    std::rethrow_exception(error);
  }
  if (is_end) return Part::over;
  if (is_message) deliver_entry(*taken, to);
  ++channels_.at(taken->channel).counts.received;
  try_pay_streams();
  return is_last ? Part::last : Part::more;
}

Core::Part Core::next_part(std::uint64_t id, const Incoming& to, Timeout timeout) {
  CallGuard guard(*this);
  const os::Deadline deadline(timeout.ns);
  for (;;) {
    throw_if_close_requested();
    if (const Part part = take_part(id, to); part != Part::none) return part;
    drain(Stop::at_error);
    if (const Part part = take_part(id, to); part != Part::none) return part;
    throw_held_error();
    if (reader_.is_inbox_full()) {
      throw QueueFullError("no part of the answer to request " + std::to_string(id) +
                           " can come: the inbox is full, mostly of channel " +
                           channels_.at(inbox_.fullest()).id.describe() +
                           "; receive these, read the other streams, or raise LinkOptions::max_queued_bytes");
    }
    if (!wait_for_more(deadline, false)) return Part::none;
  }
}

bool Core::goes_on_with_stream(std::uint64_t id) noexcept {
  return keeps_requests() && !peer_gone_ && reads_stream(id);
}

bool Core::reads_stream(std::uint64_t id) noexcept {
  return look_at_streams([&](const Streams& streams) { return streams.reads(id); });
}

std::size_t Core::queued_parts(std::uint64_t id) noexcept {
  return look_at_streams([&](const Streams& streams) { return streams.unread(id); });
}

void Core::throw_no_part(std::uint64_t id) const {
  throw TimeoutError("no part of the answer to request " + std::to_string(id) + " from " + options_.peer.name +
                     " came in the time given");
}

void Core::cancel_stream(std::uint64_t id) {
  CallGuard guard(*this);
  Streams& streams = requests_.streams();
  Streams::Reading* const stream = streams.reading(id);
  if (stream == nullptr || stream->is_cancelled) return;
  while (!stream->entries.empty()) {
    inbox_.discharge(stream->entries.front()->cost());
    streams.take(*stream);
  }
  requests_.forget_copy(id);
  if (stream->has_end || stream->is_orphan) return streams.forget(id);
  stream->is_cancelled = true;  // it stays in the books until its end comes
  stream->owes_cancel = true;
  streams.set_owes(true);
  try_pay_streams();
}

void Core::try_pay_streams() noexcept {
  try {
    pay_streams();
  } catch (const ProtocolError&) {
    // The next send_owed() throws it again.
  }
}

/// Sends the credit and the cancellations that are due, as far as there is room. What is left goes with a later call.
/// Throws ProtocolError if the link is broken; then it is still owed.
void Core::pay_streams() {
  Streams& streams = requests_.streams();
  if (!streams.owes() || peer_gone_ || writer_.has_rest()) return;
  bool any = false;
  streams.set_owes(false);
  for (auto& [id, stream] : streams.all_read()) {
    if (!stream.owes_cancel && !stream.owes_credit()) continue;
    streams.set_owes(true);  // until there is room
    const std::span<std::byte> room = link_->reserve(kCreditFrame);
    if (room.empty()) break;
    streams.set_owes(false);
    FrameHeader header;
    header.kind = stream.owes_cancel ? FrameKind::cancel : FrameKind::credit;
    header.request_id = id;
    const std::span credit = std::as_bytes(std::span(&stream.due, 1));
    writer_.write(*link_, room, header, stream.owes_cancel ? std::span<const std::byte>() : credit);
    any = true;
    if (std::exchange(stream.owes_cancel, false)) continue;
    stream.unpaid -= std::exchange(stream.due, 0);
  }
  if (any) writer_.publish(*link_);  // if the peer cannot be woken any more, the next wait finds out
  step("stream: paid");
}

/// The bytes of space that a wait has to wait for, so that what is owed can be sent; 0: nothing is owed.
std::size_t Core::room_for_credit() const noexcept { return requests_.streams().owes() ? kCreditFrame : 0; }

// ---- the calls of StreamHandle ----

namespace {

/// Makes a call for a stream, and notes if that is over after it.
template <class Call>
Core::Part with_stream(Messenger& messenger, std::uint64_t id, Timeout timeout, bool& is_over, Call call) {
  Core::Part part = Core::Part::none;
  try {
    const bool has_asked = supervised(*MessengerAccess::core(messenger), timeout, [&](const Timeout& time) {
      part = call(*MessengerAccess::core(messenger), time);
      return true;
    });
    is_over = has_asked && (part == Core::Part::last || part == Core::Part::over);
  } catch (const WorkerDiedError&) {
    Core* const core = MessengerAccess::core(messenger);
    core->forget_failure(RequestId{id});  // this was its error
    is_over = !core->goes_on_with_stream(id);
    throw;
  } catch (...) {
    Core* const core = MessengerAccess::core(messenger);
    is_over = core == nullptr || !core->reads_stream(id);
    throw;
  }
  return part;
}

}  // namespace

StreamHandle& StreamHandle::operator=(StreamHandle&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  messenger_ = other.messenger_;
  id_ = other.id_;
  is_over_ = std::exchange(other.is_over_, true);
  return *this;
}

bool StreamHandle::next(const Incoming& to, Timeout timeout) {
  if (is_over_) return false;
  (void)messenger_->core();  // throws if the messenger was moved from
  const Core::Part part = with_stream(*messenger_, id_, timeout, is_over_,
                                      [&](Core& core, const Timeout& time) { return core.next_part(id_, to, time); });
  if (part == Core::Part::none) messenger_->core().throw_no_part(id_);
  return part != Core::Part::over;
}

void StreamHandle::cancel() noexcept {
  if (std::exchange(is_over_, true)) return;
  try {
    if (Core* const core = MessengerAccess::core(*messenger_)) core->cancel_stream(id_);
  } catch (const std::exception&) {
    // Another thread is in a call, or the messenger is that of the process that this one was forked from. Then the
    // parts stay unread, and the window bounds them.
  }
}

std::size_t StreamHandle::queued() const noexcept {
  Core* const core = is_over_ ? nullptr : MessengerAccess::core(*messenger_);
  return core == nullptr ? 0 : core->queued_parts(id_);
}

}  // namespace coproc::inline v0::detail

namespace coproc::inline v0 {

detail::StreamHandle Messenger::begin_stream(const detail::Outgoing& request, const ChannelId& channel,
                                             const StreamOptions& options) {
  const RequestId id = detail::supervised(
      core(), options, [&](const StreamOptions& now) { return RequestId{core_->begin_stream(request, channel, now)}; });
  return {*this, static_cast<std::uint64_t>(id)};
}

}  // namespace coproc::inline v0
