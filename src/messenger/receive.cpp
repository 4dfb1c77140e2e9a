// From the inbox, or straight from the link where nothing else waits, to the user.
#include <chrono>
#include <cstring>
#include <utility>

#include "messenger/core.hpp"
#include "messenger/error_table.hpp"

namespace coproc::inline v0::detail {

using link::FrameKind;

/// REQUIRES: a CallGuard is held.
bool Core::receive_slowly(const ChannelId* channels, std::size_t count, const Incoming& to, Timeout timeout) {
  const os::Deadline deadline(timeout.ns);
  Channel* const only = count == 1 ? &channels_.of(channels[0]) : nullptr;
  for (;;) {
    throw_close();
    if (count == 1) {
      const InPlace in_place = receive_in_place(*only, to, deadline);
      if (in_place == InPlace::returned) return true;
      if (in_place == InPlace::nothing_came) {
        link_->serve_watched();
        if (!wait_for_more(deadline)) return false;
        continue;
      }
      if (Entry* front = queued_front(*only)) {
        deliver(*only, *front, to);
        return true;
      }
    }
    drain(Stop::at_error);
    throw_pending();
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
      deliver(*channel, *best, to);
      return true;
    }
    if (reader_.is_inbox_full()) {
      const Channel& fullest = channels_.at(inbox_.fullest());
      throw QueueFullError("nothing can come on channel " +
                           (count == 0 ? std::string("(none)") : channels[0].describe()) + ": the inbox is full of " +
                           std::to_string(inbox_.live_count(fullest.index)) + " messages on channel " +
                           fullest.id.describe() + "; receive these, or raise LinkOptions::max_queued_bytes");
    }
    if (!wait_for_more(deadline)) return false;
  }
}

// ---- what the messenger calls ----

void Core::receive_all(const ChannelId& name, const Incoming& to) {
  CallGuard guard(*this);
  throw_close();
  Channel& channel = channels_.of(name);
  if (receive_all_in_place(channel, to)) return;
  drain(Stop::at_error);
  throw_pending();
  // Taken first and decoded then: if one of them throws, all others go back in the same order.
  std::vector<EntryPtr> taken;
  taken.reserve(inbox_.live_count(channel.index));
  throw_end_if_all_is_received();
  while (Entry* front = inbox_.front(channel.index)) taken.push_back(inbox_.take_front(*front));
  std::size_t at = 0;
  try {
    for (; at < taken.size(); ++at) give(*taken[at], to);
  } catch (...) {
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (i == at && taken[i]->kind == FrameKind::error_reply) {
        count_returned(channel, taken[i]->kind, taken[i]->request_id);  // it is what was just thrown
      } else {
        inbox_.put(taken[i]);
      }
    }
    throw;
  }
  for (EntryPtr& entry : taken) {
    count_returned(channel, entry->kind, entry->request_id);
  }
}

void Core::receive_reply(RequestId id, const Incoming& to, Timeout timeout) {
  CallGuard guard(*this);
  const os::Deadline deadline(timeout.ns);
  const auto number = static_cast<std::uint64_t>(id);
  const std::uint32_t* index = requests_.channel_of(number);
  if (index == nullptr) {
    throw NoRequestError("request " + std::to_string(number) + " to " + options_.peer.name +
                         " is not outstanding: it was not sent here, or its reply has been received");
  }
  Channel& channel = channels_.at(*index);
  for (;;) {
    throw_close();
    if (receive_reply_in_place(channel, number, to)) return;
    drain(Stop::at_error);
    if (Entry* reply = inbox_.find_reply(number)) {
      if (to.traits->type != nullptr && reply->kind == FrameKind::reply)
        check_type(reply->type, channel.id, *to.traits->type);
      deliver(channel, *reply, to, false);
      return;
    }
    throw_pending();
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

bool Core::receive_next_reply(const ChannelId& name, const Incoming& to, Timeout timeout) {
  CallGuard guard(*this);
  const os::Deadline deadline(timeout.ns);
  Channel& channel = channels_.of(name);
  for (;;) {
    throw_close();
    drain(Stop::at_error);
    Entry* reply = inbox_.front(channel.index, true);
    // Replies that came before an error are returned before it is thrown.
    if (reply != nullptr && (!reader_.holds_error() || reply->sequence < reader_.error_sequence())) {
      deliver(channel, *reply, to);
      return true;
    }
    throw_pending();
    if (reader_.is_inbox_full()) {
      throw QueueFullError("no reply can come on channel " + channel.id.describe() +
                           ": the inbox is full, mostly of channel " + channels_.at(inbox_.fullest()).id.describe() +
                           "; receive these, or raise LinkOptions::max_queued_bytes");
    }
    if (!wait_for_more(deadline, false)) return false;
  }
}

std::size_t Core::available(const ChannelId& name) {
  CallGuard guard(*this);
  throw_close();
  const Channel& channel = channels_.of(name);
  do {
    drain(Stop::at_error);
    throw_pending();
    throw_end_if_all_is_received();
  } while (inbox_.live_count(channel.index) == 0 && look_for_end());
  return inbox_.live_count(channel.index);
}

// ---- system messages ----

void Core::throw_pending() {
  if (reader_.holds_error()) std::rethrow_exception(reader_.take_error());
}

void Core::throw_new_close(std::uint32_t asked) {
  closes_thrown_ = asked;
  throw_close_request();
}

void Core::throw_close_request() {
  if (options_.role == Role::host) {
    throw WorkerRequestedClose(options_.peer.with_pid() + " asked its host to close the link");
  }
  throw ResourceRequestedClose();
}

/// Not before all that had come before was received.
void Core::throw_end_of_messages() {
  has_thrown_end_of_messages_ = true;
  if (options_.role == Role::host) {
    throw EndOfWorkersMessages(options_.peer.with_pid() +
                               " has said that it sends no more, and all that it had sent has been received");
  }
  throw EndOfMessages();
}

/// For calls that have found nothing and do not wait. True: the peer is gone, look once more at what it had sent.
/// Throws what its end means where that was done, and nobody was told so far.
bool Core::look_for_end() {
  if (reader_.is_inbox_full() || has_told_end_) return false;
  if (peer_gone_) throw_end();
  // acquire: pairs with note_peer_gone()
  peer_gone_ = peer_known_gone_.load(std::memory_order_acquire) || link_->peer_has_ended();
  return peer_gone_;
}

/// True: look again. False: the deadline has passed. A wait that would sleep throws the close request again, what the
/// peer's end means, and that it sends no more.
bool Core::wait_for_more(const os::Deadline& deadline, bool is_of_all) {
  // A peer that always has something, but never what is wanted, must not keep the time from passing.
  const bool is_late = deadline.passed();
  const bool throws_end = end_received() && (!is_late || !is_of_all || inbox_.live_count() == 0);
  // Before the peer's own end, whichever was first: who has sent all may go.
  if (throws_end && !has_thrown_end_of_messages_) throw_end_of_messages();
  if (peer_gone_) throw_gone();
  if (peer_known_gone_.load(std::memory_order_acquire)) {  // pairs with note_peer_gone()
    peer_gone_ = true;                                     // look once more at what it had sent, then throw
    return true;
  }
  // Where it was asked to close it does not sleep, but looks: the peer may have ended since, and that says more.
  const bool throws_close = closes_thrown_ != 0 && !is_late;
  switch (wait(throws_close || throws_end ? os::Deadline(std::chrono::seconds(0)) : deadline, true, 0)) {
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

// ---- delivering ----

/// `in_turn`: the entry is the front of its channel, and not a reply that was asked for by its id.
void Core::deliver(Channel& channel, Entry& entry, const Incoming& to, bool in_turn) {
  const auto take = [&] {
    EntryPtr taken = in_turn ? inbox_.take_front(entry) : inbox_.take_reply(entry);
    count_returned(channel, taken->kind, taken->request_id);
    return taken;
  };
  if (to.traits->type != nullptr && entry.kind != FrameKind::error_reply) {
    give(entry, to);  // where this throws, the entry stays where it is
    take();
  } else {
    const EntryPtr taken = take();
    give(*taken, to);  // a Message, or it throws the error
  }
}

/// Decodes into the user's place, or throws: the error of an error reply, TypeMismatchError, DecodeError.
void Core::give(Entry& entry, const Incoming& to) {
  const ChannelId& channel = channels_.at(entry.channel).id;
  if (to.traits->type != nullptr) {
    if (entry.kind == FrameKind::error_reply) std::rethrow_exception(reader_.decode_error(entry.payload.span()).error);
    check_type(entry.type, channel, *to.traits->type);
    if (to.traits->block != 0 && entry.payload.size() == to.traits->block) {
      std::memcpy(to.place_of_block(), entry.payload.data(), to.traits->block);
      return;
    }
    Decoder decoder(entry.payload.span(), options_.link.max_message_bytes);
    decoder.borrow(entry.loans);
    to.traits->decode(decoder, to.out);
    decoder.finish();
    return;
  }
  MessageParts parts;
  fill(parts, entry.kind, entry.type, entry.request_id);
  parts.channel = channel;
  parts.priority = entry.priority;
  if (entry.kind == FrameKind::error_reply) parts.error = reader_.decode_error(entry.payload.span()).error;
  parts.payload = entry.payload.take();
  parts.loans = std::move(entry.loans);
  to.traits->new_message(to.out) = std::move(parts);
}

void Core::fill(MessageParts& parts, FrameKind kind, std::uint32_t type, std::uint64_t request_id) const {
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
