// Receives: they drain the link into the inbox and deliver from there, or straight from the link if that is possible.
#include <chrono>
#include <cstring>
#include <utility>

#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"
#include "messenger/error_table.hpp"

namespace coproc::inline v0::detail {

using link::FrameKind;

/// Drains the link into the inbox, and delivers the next message of these channels from there. Returns false if there
/// is none. `only`: the channel, if there is only one.
bool Core::receive_from_inbox(const ChannelId* channels, std::size_t count, Channel* only, const Incoming& to) {
  if (Entry* const front = only == nullptr ? nullptr : queued_front(*only)) {
    take_and_deliver(*only, *front, to);
    return true;
  }
  drain(Stop::at_error);
  throw_held_error();
  Entry* best = nullptr;
  Channel* channel = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    Channel& candidate = only != nullptr ? *only : channels_.of(channels[i]);
    Entry* front = inbox_.front(candidate.index);
    if (front == nullptr) continue;
    const bool is_better =
        best == nullptr || (options_.reorders && front->priority < best->priority) ||
        ((!options_.reorders || front->priority == best->priority) && front->sequence < best->sequence);
    if (is_better) {
      best = front;
      channel = &candidate;
    }
  }
  if (best != nullptr) {
    take_and_deliver(*channel, *best, to);
    return true;
  }
  if (reader_.is_inbox_full()) {
    const Channel& fullest = channels_.at(inbox_.fullest());
    throw QueueFullError("nothing can come on channel " +
                         (count == 0 ? std::string("(none)") : channels[0].describe()) + ": the inbox is full of " +
                         std::to_string(inbox_.live_count(fullest.index)) + " messages on channel " +
                         fullest.id.describe() + "; receive these, or raise LinkOptions::max_queued_bytes");
  }
  return false;
}

// ---- the calls of Messenger ----

void Core::receive_all(const ChannelId& name, const Incoming& to) {
  CallGuard guard(*this);
  throw_if_close_requested();
  Channel& channel = channels_.of(name);
  if (receive_all_in_place(channel, to)) return;
  drain(Stop::at_error);
  throw_held_error();
  // All messages are taken before they are decoded: if one throws, the others go back in the same order.
  std::vector<EntryPtr> taken;
  taken.reserve(inbox_.live_count(channel.index));
  throw_end_if_all_is_received();
  watch_if_idle(channel);
  while (Entry* front = inbox_.front(channel.index)) taken.push_back(inbox_.take_front(*front));
  std::size_t at = 0;
  try {
    for (; at < taken.size(); ++at) deliver_entry(*taken[at], to);
  } catch (...) {
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (i == at && taken[i]->kind == FrameKind::error_reply) {
        count_returned(channel, taken[i]->kind, taken[i]->request_id);  // its error is the one being thrown
      } else {
        put_again(taken[i]);
      }
    }
    throw;
  }
  for (EntryPtr& entry : taken) {
    count_returned(channel, entry->kind, entry->request_id);
    if (notes_ != nullptr) note_received(*entry);
  }
}

void Core::receive_reply(RequestId id, const Incoming& to, Timeout timeout) {
  CallGuard guard(*this);
  const os::Deadline deadline(timeout.ns);
  const auto number = static_cast<std::uint64_t>(id);
  const std::uint32_t* index = requests_.channel_of(number);
  if (index == nullptr) throw_not_outstanding(id);
  Channel& channel = channels_.at(*index);
  for (;;) {
    throw_if_close_requested();
    if (receive_reply_in_place(channel, number, to)) return;
    drain(Stop::at_error);
    if (Entry* reply = inbox_.find_reply(number)) {
      if (to.traits->type != nullptr && reply->kind == FrameKind::reply)
        check_type(reply->type, channel.id, *to.traits->type);
      take_and_deliver(channel, *reply, to, false);
      return;
    }
    throw_held_error();
    if (reader_.is_inbox_full()) {
      throw QueueFullError(
          "the reply to request " + std::to_string(number) + " cannot come: the inbox is full, mostly of channel " +
          channels_.at(inbox_.fullest()).id.describe() + "; receive these, or raise LinkOptions::max_queued_bytes");
    }
    if (!wait_for_more(deadline, false)) {
      throw TimeoutError("no reply to request " + std::to_string(number) + " on channel " + channel.id.describe() +
                         " from " + options_.peer.name + " came in the time given");
    }
  }
}

/// Throws the error of a request that an earlier worker has left unanswered; for others NoRequestError.
void Core::throw_not_outstanding(RequestId id) {
  if (const std::exception_ptr error = failed_.take(id)) std::rethrow_exception(error);
  throw NoRequestError("request " + std::to_string(static_cast<std::uint64_t>(id)) + " to " + options_.peer.name +
                       " is not outstanding: it was not sent here, or its reply has been received");
}

bool Core::receive_next_reply(const ChannelId& name, const Incoming& to, Timeout timeout) {
  CallGuard guard(*this);
  const os::Deadline deadline(timeout.ns);
  Channel& channel = channels_.of(name);
  for (;;) {
    throw_if_close_requested();
    drain(Stop::at_error);
    Entry* reply = inbox_.front(channel.index, true);
    // Replies that came before an error are returned before it is thrown.
    if (reply != nullptr && (!reader_.holds_error() || reply->sequence < reader_.error_sequence())) {
      take_and_deliver(channel, *reply, to);
      return true;
    }
    throw_held_error();
    if (reader_.is_inbox_full()) {
      throw QueueFullError("no reply can come on channel " + channel.id.describe() +
                           ": the inbox is full, mostly of channel " + channels_.at(inbox_.fullest()).id.describe() +
                           "; receive these, or raise LinkOptions::max_queued_bytes");
    }
    if (!wait_for_more(deadline, false)) return false;
  }
}

bool Core::discard_reply(std::uint64_t id) {
  CallGuard guard(*this);
  const std::uint32_t* const index = requests_.channel_of(id);
  if (index == nullptr) return failed_.take(RequestId{id}) != nullptr;
  Channel& channel = channels_.at(*index);
  if (Entry* const reply = inbox_.find_reply(id)) {
    (void)inbox_.take_reply(*reply);
    requests_.note_returned_reply(channel, id);
  } else {
    requests_.note_unwanted(channel, id);
  }
  return true;
}

std::size_t Core::available(const ChannelId& name) {
  CallGuard guard(*this);
  throw_if_close_requested();
  const Channel& channel = channels_.of(name);
  do {
    drain(Stop::at_error);
    throw_held_error();
    throw_end_if_all_is_received();
    if (inbox_.live_count() == 0) send_owed();  // throws if the link is broken
    watch_if_idle(channel);
  } while (inbox_.live_count(channel.index) == 0 && check_peer_gone());
  return inbox_.live_count(channel.index);
}

// ---- system messages ----

void Core::throw_held_error() {
  if (reader_.holds_error()) std::rethrow_exception(reader_.take_error());
}

void Core::throw_new_close_request(std::uint32_t count) {
  close_requests_thrown_ = count;
  throw_close_request();
}

void Core::throw_close_request() {
  if (options_.role == Role::host) {
    throw WorkerRequestedClose(options_.peer.with_pid() + " asked its host to close the link");
  }
  throw ResourceRequestedClose();
}

/// Call only when everything that came before the end has been received.
void Core::throw_end_of_messages() {
  has_thrown_end_of_messages_ = true;
  if (options_.role == Role::host) {
    throw EndOfWorkersMessages(options_.peer.with_pid() +
                               " has said that it sends no more, and all that it had sent has been received");
  }
  throw EndOfMessages();
}

/// For calls that have found nothing and do not wait. Returns true if the peer is found to be gone now: the caller must
/// then look once more, for messages that the peer sent before its end. If that was done already, it throws the error
/// for the peer's end, unless a call has reported it before.
bool Core::check_peer_gone() {
  if (reader_.is_inbox_full() || (has_reported_gone_ && !asks_again_)) return false;
  if (peer_gone_) throw_peer_gone();
  peer_gone_ = is_known_gone() || link_->peer_has_ended();
  return peer_gone_;
}

/// The second half of wait_for_more(): the wait itself.
[[gnu::always_inline]] inline bool Core::wait_until(const os::Deadline& deadline, bool is_late, bool throws_end) {
  const std::uint64_t next = reader_.next_sequence();
  send_owed();
  if (reader_.next_sequence() != next) return true;  // a request that could not be sent again has failed
  // After a close request it polls once instead of sleeping: if the peer has died, that is reported instead.
  const bool throws_close = close_requests_thrown_ != 0 && !is_late;
  switch (wait(throws_close || throws_end ? os::Deadline(std::chrono::seconds(0)) : deadline, true, room_for_owed())) {
    case link::WaitEnd::changed:
      return !is_late;
    case link::WaitEnd::timed_out:
      if (throws_end) throw_end_of_messages();
      if (throws_close) throw_close_request();
      return false;
    case link::WaitEnd::interrupted:
      throw InterruptedError("the receive from " + options_.peer.name + " was interrupted: nothing was lost");
    case link::WaitEnd::peer_gone:
      peer_gone_ = true;
      return true;
  }
  return true;
}

/// Returns true if the caller must look again, and false if the deadline has passed. Instead of sleeping, it throws the
/// error for a close request (again), for the end of the peer, or for the end of its messages.
bool Core::wait_for_more(const os::Deadline& deadline, bool end_waits_for_inbox) {
  // A peer that sends all the time, but never what the caller wants, must not extend the deadline.
  const bool is_late = deadline.passed();
  const bool throws_end = end_received() && (!is_late || !end_waits_for_inbox || inbox_.live_count() == 0);
  // The end of messages is thrown before the end of the peer: a peer that has sent everything may exit.
  if (throws_end && !has_thrown_end_of_messages_) throw_end_of_messages();
  if (peer_gone_) report_peer_gone(&deadline);
  const std::uint8_t word = peer_word_.load(std::memory_order_acquire);  // pairs with note_peer_gone()
  if (word != 0) [[unlikely]] {
    if ((word & kKnownGone) == 0) return wait_watched(deadline, is_late, throws_end);
    peer_gone_ = true;  // first look for what it sent before its end, then throw
    return true;
  }
  return wait_until(deadline, is_late, throws_end);
}

/// The same for a supervisor that looks at the health of its worker from time to time.
bool Core::wait_watched(const os::Deadline& deadline, bool is_late, bool throws_end) {
  const std::chrono::nanoseconds next_look = watch();
  if (deadline.remaining() <= next_look) return wait_until(deadline, is_late, throws_end);
  (void)wait_until(os::Deadline(next_look), is_late, throws_end);
  return true;
}

// ---- delivering ----

/// Takes the entry out of the inbox, counts it and delivers it. `in_turn`: the entry is the front of its channel;
/// otherwise it is a reply that the caller has asked for by its id.
void Core::take_and_deliver(Channel& channel, Entry& entry, const Incoming& to, bool in_turn) {
  const auto take = [&] {
    EntryPtr taken = in_turn ? inbox_.take_front(entry) : inbox_.take_reply(entry);
    count_returned(channel, taken->kind, taken->request_id);
    if (notes_ != nullptr) note_received(*taken);
    return taken;
  };
  if (to.traits->type != nullptr && entry.kind != FrameKind::error_reply) {
    deliver_entry(entry, to);  // if it throws, the entry stays in the inbox
    take();
  } else {
    const EntryPtr taken = take();
    deliver_entry(*taken, to);  // delivers a Message, or throws the error
  }
}

/// Decodes the entry into the user's variable. Throws the error of an error reply, TypeMismatchError, and what decoding
/// throws.
void Core::deliver_entry(Entry& entry, const Incoming& to) {
  const ChannelId& channel = channels_.at(entry.channel).id;
  if (to.traits->type != nullptr) {
    if (entry.kind == FrameKind::error_reply) std::rethrow_exception(error_of(entry));
    check_type(entry.type, channel, *to.traits->type);
    if (to.traits->block != 0 && entry.payload.size() == to.traits->block) {
      std::memcpy(to.place_of_block(), entry.payload.data(), to.traits->block);
      return;
    }
    if (entry.kind == FrameKind::request) requests_.note_decoding(entry.request_id);
    Decoder decoder(entry.payload.span(), options_.link.max_message_bytes);
    decoder.borrow(entry.loans);
    to.traits->decode(decoder, to.out);
    decoder.finish();
    return;
  }
  MessageParts parts;
  fill_parts(parts, entry.kind, entry.type, entry.request_id);
  parts.channel = channel;
  parts.priority = entry.priority;
  if (entry.kind == FrameKind::error_reply) parts.error = error_of(entry);
  parts.payload = entry.payload.take();
  parts.loans = std::move(entry.loans);
  to.traits->new_message(to.out) = std::move(parts);
}

void Core::fill_parts(MessageParts& parts, FrameKind kind, std::uint32_t type, std::uint64_t request_id) const {
  parts.request_id = request_id;
  parts.is_reply = kind == FrameKind::reply || kind == FrameKind::error_reply;
  parts.run = run_;
  parts.max_allocation = options_.link.max_message_bytes;
  if (type != 0) parts.type = peer_names_.type(type);
}

void Core::check_type(std::uint32_t type, const ChannelId& channel, const TypeInfo& wanted) const {
  const RemoteType& sent = *peer_names_.type(type);
  if (sent.id == wanted.id) return;
  throw TypeMismatchError("a receive on channel " + channel.describe() + " asked for " + wanted.describe() + ", but " +
                          options_.peer.name + " sent " + in_one_line(sent.description) +
                          ": receive that type, or a Message and match; the message stays receivable");
}

}  // namespace coproc::inline v0::detail
