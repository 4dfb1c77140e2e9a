#include "messenger/frame_reader.hpp"

#include <cstring>
#include <string>
#include <utility>

#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::Frame;
using link::FrameHeader;
using link::FrameKind;

namespace {

bool is_declaration(FrameKind kind) { return kind == FrameKind::channel || kind == FrameKind::type; }

}  // namespace

bool FrameReader::take(const Frame& frame) {
  const FrameHeader& header = frame.header;
  if ((header.flags & link::kAbort) != 0) drop_partial();
  if (header.kind == FrameKind::fragment) {
    continue_partial(frame);
    return true;
  }
  if (is_partial()) throw_broken_rule("it began a message before the last one was complete");
  if ((header.flags & link::kFirstFragment) != 0) return begin_partial(frame);
  if (header.kind >= FrameKind::channel && header.kind != FrameKind::part) {
    if (header.kind >= FrameKind::credit) {
      header.kind == FrameKind::state ? take_state(header, frame.payload) : take_word_of_reader(frame);
      return true;
    }
    refuse_after_end(header.kind);
    header.kind == FrameKind::end ? take_end() : parts_.names.add_declaration(header.kind, frame.payload);
    return true;
  }
  if (frame.payload.size() > max_message_bytes_) throw_broken_rule("it sent a message over the limit");
  const std::size_t cost = frame.payload.size() + IncomingLoans::stated_cost(frame);
  if (parts_.inbox.is_full_for(cost) && !replaces_enough(header, cost)) return false;
  EntryPtr entry = parts_.inbox.make_entry();
  entry->payload.resize_uninitialized(frame.payload.size());
  if (!frame.payload.empty()) std::memcpy(entry->payload.data(), frame.payload.data(), frame.payload.size());
  take_message(frame.header, entry);
  return true;
}

void FrameReader::drain(link::Link& link, Stop stop) {
  is_inbox_full_ = false;
  if (stop == Stop::at_error && !held_errors_.empty()) return;
  const std::uint32_t overtakings = link.overtakings();  // before look(), which then sees all messages that it counts
  if (!link.look()) {
    link.serve_watched();
    return;
  }
  step("drain: looked");
  for (;;) {
    const std::span<const std::byte> record = link.front();
    if (record.empty()) {
      overtakings_known_ = overtakings;
      break;
    }
    const auto frame = link::parse_frame(record);
    if (!frame) throw_broken_rule("it sent a frame with an impossible header");
    if (!take(*frame)) {
      is_inbox_full_ = true;
      break;
    }
    step("drain: taken");
    link.pop();
    if (stop == Stop::at_error && !held_errors_.empty()) break;
  }
  link.release_if_due();
}

/// Whether a full inbox has room for a message all the same, since it replaces an older one.
bool FrameReader::replaces_enough(const FrameHeader& header, std::size_t payload_bytes) const noexcept {
  const Channel* const channel = parts_.names.channel(header.channel);
  if (channel == nullptr || !channel->keeps_latest || header.kind != FrameKind::message) return false;
  return !parts_.inbox.is_full_for(payload_bytes, parts_.inbox.latest(channel->index));
}

void FrameReader::refuse_after_end(FrameKind kind) const {
  if (end_received() && kind != FrameKind::final_error)
    throw_broken_rule("it sent something after it had said that it would send no more");
}

void FrameReader::take_end() noexcept {
  end_received_.store(true, std::memory_order_relaxed);  // relaxed: no other thread acts on it
  parts_.names.forget_channels();
}

bool FrameReader::begin_partial(const Frame& frame) {
  refuse_after_end(frame.header.kind);
  std::uint64_t total = 0;
  if (frame.payload.size() < sizeof total) throw_broken_rule("a large message came without its size");
  std::memcpy(&total, frame.payload.data(), sizeof total);
  asm volatile("" : "+r"(total));  // the peer may change the original: the compiler must not load it again
  const auto first = frame.payload.subspan(sizeof total);
  const bool is_state = frame.header.kind == FrameKind::state;
  if (is_state) check_state(frame.header.type, total);
  const std::size_t most = is_declaration(frame.header.kind) ? PeerNames::kMaxDeclarationBytes : max_message_bytes_;
  if (total > most || total < first.size()) {
    throw_broken_rule("it announced a message of " + std::to_string(total) +
                      " bytes, over the limit or less than it sent");
  }
  if (!is_state && parts_.inbox.is_full_for(total) && !replaces_enough(frame.header, total)) return false;
  partial_.entry = parts_.inbox.make_entry();
  partial_.entry->payload.resize_uninitialized(first.size());
  partial_.entry->payload.reserve(total);  // bounded by our own limit; pages that are never written take no memory
  if (!first.empty()) std::memcpy(partial_.entry->payload.data(), first.data(), first.size());
  partial_.total = total;
  partial_.header = frame.header;
  holds_ |= kPieces;
  return true;
}

void FrameReader::continue_partial(const Frame& frame) {
  if (!is_partial()) throw_broken_rule("it sent a piece of a message that it never began");
  Payload& payload = partial_.entry->payload;
  if (frame.payload.empty() || frame.payload.size() > partial_.total - payload.size()) {
    throw_broken_rule("it sent more of a message than it had announced");
  }
  const std::size_t before = payload.size();
  payload.append(frame.payload.data(), frame.payload.size());
  if (payload.size() < partial_.total) return;
  try {
    partial_.header.kind == FrameKind::state ? take_state(partial_.header, payload)
                                             : take_message(partial_.header, partial_.entry);
  } catch (...) {
    payload.resize_uninitialized(before);  // the piece stays in the link and will be read again
    throw;
  }
  drop_partial();
}

/// Takes a complete message. If it throws, only the entry has changed, which is made anew when the frame is read again.
void FrameReader::take_message(const FrameHeader& header, EntryPtr& entry) {
  if (is_declaration(header.kind)) return parts_.names.add_declaration(header.kind, entry->payload.span());
  if (is_error(header.kind)) return hold_error(header, entry);
  Entry* taken = entry.get();
  const bool has_loans = (header.flags & link::kCarriesLoans) != 0;
  std::vector<std::shared_ptr<LoanHold>> loans;
  if (has_loans) loans = parts_.loans.find(*taken);
  Channel& channel = finish_entry(header, *taken);
  if (has_loans) IncomingLoans::attach(*taken, std::move(loans));
  if (channel.keeps_latest && header.kind == FrameKind::message) {
    taken = &parts_.inbox.put_latest(entry);
    if (entry != nullptr) ++channel.counts.replaced;  // the caller drops the older one
  } else if (header.kind > FrameKind::request) {
    (header.flags & link::kSavesState) == 0 ? take_answer(header, channel, entry)
                                            : take_answer_with_state(header, channel, entry);
  } else if ((header.flags & link::kAsksForParts) != 0) {
    cut_window(header.request_id, *taken);
    try {
      parts_.inbox.put(entry);
    } catch (...) {
      parts_.requests.streams().close(header.request_id);
      throw;
    }
  } else {
    parts_.inbox.put(entry);
  }
  if (has_loans) IncomingLoans::keep(*taken);  // without this, loans of a dropped entry would not go back
}

/// Takes a reply or a part. If it is not wanted any more, the caller drops the entry.
void FrameReader::take_answer(const FrameHeader& header, const Channel& channel, EntryPtr& entry) {
  const std::uint64_t id = header.request_id;
  if (header.kind != FrameKind::part && parts_.requests.is_unwanted(id, channel))
    return parts_.requests.note_dropped(id);
  Streams& streams = parts_.requests.streams();
  Streams::Reading* const stream = streams.reading(id);
  if (stream == nullptr) return parts_.inbox.put(entry);
  has_streamed_ = true;
  parts_.requests.forget_copy(id);  // sent again, it would be answered by the same parts once more
  const bool is_end = header.kind != FrameKind::part;
  const std::size_t cost = entry->cost();
  streams.put(*stream, entry, is_end);
  if (!stream->is_cancelled) {
    parts_.inbox.charge(cost);
  } else if (is_end) {
    streams.forget(id);
  }
}

/// Takes the window of a stream from the end of its request, and opens the stream.
void FrameReader::cut_window(std::uint64_t id, Entry& entry) {
  std::uint64_t window = 0;
  const std::size_t size = entry.payload.size();
  if (size < sizeof window) throw_broken_rule("it asked for a stream without a window");
  std::memcpy(&window, entry.payload.data() + size - sizeof window, sizeof window);
  entry.payload.resize_uninitialized(size - sizeof window);
  if (window == 0) throw_broken_rule("it asked for a stream whose window is 0");
  if (!parts_.requests.streams().open(id, window))
    throw_broken_rule("it asked for two streams by the id " + std::to_string(id));
}

/// Takes credit or a cancellation of a stream that this end answers. What the answer's end has crossed on its way is
/// ignored.
void FrameReader::take_word_of_reader(const Frame& frame) {
  Streams::Answering* const stream = parts_.requests.streams().answering(frame.header.request_id);
  if (stream == nullptr) return;
  if (frame.header.kind == FrameKind::cancel) {
    stream->is_cancelled = true;
    return;
  }
  const std::uint64_t credit = link::load_word(frame.payload.data(), 0);
  if (credit > stream->unpaid) throw_broken_rule("it gave more credit to a stream than it was sent parts");
  stream->unpaid -= credit;
}

Channel& FrameReader::finish_entry(const FrameHeader& header, Entry& entry) {
  Channel* const channel = parts_.names.channel(header.channel);
  if (channel == nullptr) {
    refuse_after_end(header.kind);
    throw_broken_rule("it used a channel that it never declared");
  }
  if (!parts_.names.has_type(header.type) && (header.type != 0 || header.kind != FrameKind::error_reply)) {
    throw_broken_rule("it used a type that it never declared");
  }
  if (header.kind == FrameKind::request && header.request_id == 0) throw_broken_rule("it sent a request without an id");
  if (header.kind == FrameKind::request && !parts_.requests.has_room_for(1)) {
    throw_broken_rule("it sent a request while " + std::to_string(parts_.requests.to_answer()) +
                      " that were received are not answered, as many as LinkOptions::max_queued_bytes allows");
  }
  if (header.kind > FrameKind::request)
    header.kind == FrameKind::part ? check_part(header, *channel) : check_answer(header, *channel);
  entry.kind = header.kind;
  entry.channel = channel->index;
  entry.type = header.type;
  entry.request_id = header.request_id;
  entry.priority = Priority::from_parts(header.priority, header.rest);
  entry.sequence = next_sequence_++;
  if (header.kind != FrameKind::part) note_read(header);  // parts are no part of the order of messages
  return *channel;
}

/// Throws ProtocolError unless the reply answers an open request, on the channel of that request. A reply with id 0
/// answers no request, and is always valid.
void FrameReader::check_answer(const FrameHeader& header, const Channel& channel) {
  const std::uint64_t id = header.request_id;
  if (id == 0 && header.kind == FrameKind::reply) return;
  if (parts_.requests.expects(id, channel) && parts_.inbox.find_reply(id) == nullptr) return;
  if (parts_.requests.is_unwanted(id, channel)) return;
  const Streams::Reading* const stream = parts_.requests.streams().reading(id);
  if (stream != nullptr && stream->channel == channel.index && !stream->has_end && !stream->is_orphan) return;
  throw_broken_rule("it answered request " + std::to_string(id) + " on channel " + channel.id.describe() +
                    ", which was not sent there, or is answered already");
}

/// Throws ProtocolError unless the part is one of an open stream, on its channel, and within its window.
void FrameReader::check_part(const FrameHeader& header, const Channel& channel) {
  const Streams::Reading* const stream = parts_.requests.streams().reading(header.request_id);
  const bool is_open = stream != nullptr && stream->channel == channel.index && !stream->has_end && !stream->is_orphan;
  if (!is_open) {
    throw_broken_rule("it sent a part for request " + std::to_string(header.request_id) + " on channel " +
                      channel.id.describe() + ", which is no stream there, or has ended");
  }
  if (stream->unpaid >= stream->window) {
    throw_broken_rule("it sent more parts for request " + std::to_string(header.request_id) +
                      " than the window of the stream allows");
  }
}

void FrameReader::hold_error(const FrameHeader& header, EntryPtr& entry) {
  refuse_after_end(header.kind);
  if (header.kind == FrameKind::final_error) {
    ReceivedError received = decode_error(entry->payload.span());
    parts_.last_words.note_error(std::move(received.error), std::move(received.description));
  }
  entry->kind = header.kind;
  entry->sequence = next_sequence_++;
  hold(entry);
}

void FrameReader::hold(EntryPtr& entry) {
  const std::size_t bytes = entry->payload.size();
  held_errors_.emplace_back();
  held_errors_.back() = std::move(entry);
  parts_.inbox.charge(bytes);
}

EntryPtr FrameReader::take_held() noexcept {
  EntryPtr held = std::move(held_errors_.front());
  held_errors_.pop_front();
  parts_.inbox.discharge(held->payload.size());
  return held;
}

std::exception_ptr FrameReader::take_error() { return decode_error(take_held()->payload.span()).error; }

ReceivedError FrameReader::decode_error(std::span<const std::byte> payload) const {
  const RemoteOrigin origin(parts_.peer.name, parts_.peer.pid);
  std::string why;
  try {
    return decode_error_payload(payload, max_message_bytes_, origin);
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
    why = "its codec threw something that is no std::exception";
  }
  // The peer has sent an error, so the receiver gets an error, whatever the codec throws.
  return {std::make_exception_ptr(RemoteError("unreadable", why, origin)), "an error that cannot be read: " + why};
}

}  // namespace coproc::inline v0::detail
