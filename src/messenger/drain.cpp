// From the link into the inbox: every frame of the peer is checked here before anything believes it.
#include <algorithm>
#include <cstring>

#include "messenger/core.hpp"
#include "messenger/error_table.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::Frame;
using link::FrameHeader;
using link::FrameKind;

namespace {

bool is_declaration(FrameKind kind) { return kind == FrameKind::channel || kind == FrameKind::type; }
bool is_error(FrameKind kind) { return kind == FrameKind::error || kind == FrameKind::final_error; }

}  // namespace

void Core::drain(Stop stop) {
  is_inbox_full_ = false;
  if (stop == Stop::at_error && !held_errors_.empty()) return;
  const std::uint32_t overtakings =
      transport_->overtakings();  // before the look: what is counted later is looked for later
  if (!transport_->look()) {
    transport_->serve_watched();
    return;
  }
  step("drain: looked");
  for (;;) {
    const std::span<const std::byte> record = transport_->front();
    if (record.empty()) {
      overtakings_known_ = overtakings;
      break;
    }
    const auto frame = link::parse_frame(record);
    if (!frame) protocol_error("it sent a frame with an impossible header");
    if (!take_frame(*frame)) {
      is_inbox_full_ = true;
      break;
    }
    step("drain: taken");
    transport_->pop();
    if (stop == Stop::at_error && !held_errors_.empty()) break;
  }
  transport_->release_if_due();
}

/// False: the inbox has no room for it; it stays in the link.
bool Core::take_frame(const Frame& frame) {
  const FrameHeader& header = frame.header;
  if ((header.flags & link::kAbort) != 0) partial_ = Partial();
  if (header.kind == FrameKind::fragment) {
    continue_partial(frame);
    return true;
  }
  if (partial_.is_active) protocol_error("it began a message before the last one was complete");
  if ((header.flags & link::kFirstFragment) != 0) return begin_partial(frame);
  if (header.kind >= FrameKind::channel) {
    refuse_behind_end(header.kind);
    header.kind == FrameKind::end ? take_end() : peer_names_.take(header.kind, frame.payload);
    return true;
  }
  if (frame.payload.size() > options_.link.max_message_bytes) protocol_error("it sent a message over the limit");
  if (inbox_.is_full_for(frame.payload.size() + IncomingLoans::stated_cost(frame))) return false;
  EntryPtr entry = inbox_.make_entry();
  entry->payload.resize_uninitialized(frame.payload.size());
  if (!frame.payload.empty()) std::memcpy(entry->payload.data(), frame.payload.data(), frame.payload.size());
  take_message(frame.header, entry);
  return true;
}

void Core::refuse_behind_end(FrameKind kind) const {
  if (end_received() && kind != FrameKind::final_error)
    protocol_error("it sent something after it had said that it would send no more");
}

void Core::take_end() noexcept {
  end_received_.store(true, std::memory_order_relaxed);  // relaxed: only this thread acts upon it
  peer_names_.forget_channels();
}

bool Core::begin_partial(const Frame& frame) {
  refuse_behind_end(frame.header.kind);
  std::uint64_t total = 0;
  if (frame.payload.size() < sizeof total) protocol_error("a large message came without its size");
  std::memcpy(&total, frame.payload.data(), sizeof total);
  asm volatile("" : "+r"(total));  // from here on only this copy counts
  const auto first = frame.payload.subspan(sizeof total);
  const std::size_t most =
      is_declaration(frame.header.kind) ? PeerNames::kMaxDeclarationBytes : options_.link.max_message_bytes;
  if (total > most || total < first.size()) {
    protocol_error("it announced a message of " + std::to_string(total) +
                   " bytes, over the limit or less than it sent");
  }
  if (inbox_.is_full_for(total)) return false;
  partial_.entry = inbox_.make_entry();
  partial_.entry->payload.resize_uninitialized(first.size());
  partial_.entry->payload.reserve(total);  // bounded by our own limit; pages that are never written cost nothing
  if (!first.empty()) std::memcpy(partial_.entry->payload.data(), first.data(), first.size());
  partial_.total = total;
  partial_.header = frame.header;
  partial_.is_active = true;
  return true;
}

void Core::continue_partial(const Frame& frame) {
  if (!partial_.is_active) protocol_error("it sent a piece of a message that it never began");
  Payload& payload = partial_.entry->payload;
  if (frame.payload.empty() || frame.payload.size() > partial_.total - payload.size()) {
    protocol_error("it sent more of a message than it had announced");
  }
  const std::size_t before = payload.size();
  payload.append(frame.payload.data(), frame.payload.size());
  if (payload.size() < partial_.total) return;
  try {
    take_message(partial_.header, partial_.entry);
  } catch (...) {
    payload.resize_uninitialized(before);  // the piece stays in the link, and will come again
    throw;
  }
  partial_ = Partial();
}

/// All of what the entry's payload came for: declarations are noted, errors held for the next receive, the rest queued. Where
/// it throws, nothing has changed but for the entry's own, which is put together anew when the frame is looked at again.
void Core::take_message(const FrameHeader& header, EntryPtr& entry) {
  if (is_declaration(header.kind)) return peer_names_.take(header.kind, entry->payload.span());
  if (is_error(header.kind)) return take_error(header, entry);
  Entry& taken = *entry;
  const bool has_loans = (header.flags & link::kCarriesLoans) != 0;
  std::vector<std::shared_ptr<LoanHold>> loans;
  if (has_loans) loans = incoming_loans_.find(taken);
  finish_entry(header, taken);
  if (has_loans) IncomingLoans::attach(taken, std::move(loans));
  inbox_.put(entry);
  if (has_loans) IncomingLoans::keep(taken);
}

void Core::finish_entry(const FrameHeader& header, Entry& entry) {
  const Channel* const channel = peer_names_.channel(header.channel);
  if (channel == nullptr) {
    refuse_behind_end(header.kind);
    protocol_error("it used a channel that it never declared");
  }
  if (!peer_names_.has_type(header.type) && (header.type != 0 || header.kind != FrameKind::error_reply)) {
    protocol_error("it used a type that it never declared");
  }
  if (header.kind == FrameKind::request && header.request_id == 0) protocol_error("it sent a request without an id");
  if (header.kind == FrameKind::request && !requests_.has_room_for(1)) {
    protocol_error("it sent a request while " + std::to_string(requests_.to_answer()) +
                   " that were received are not answered, as many as LinkOptions::max_queued_bytes allows");
  }
  if (header.kind == FrameKind::reply || header.kind == FrameKind::error_reply) check_answer(header, *channel);
  entry.kind = header.kind;
  entry.channel = channel->index;
  entry.type = header.type;
  entry.request_id = header.request_id;
  entry.priority = Priority::from_parts(header.priority, header.rest);
  entry.sequence = next_sequence_++;
  last_seen_ = entry.priority;
}

/// A reply that answers no request (id 0) is a message as any other; each request is answered once, on its own channel.
void Core::check_answer(const FrameHeader& header, const Channel& channel) {
  const std::uint64_t id = header.request_id;
  if (id == 0 && header.kind == FrameKind::reply) return;
  if (requests_.expects(id, channel) && inbox_.find_reply(id) == nullptr) return;
  protocol_error("it answered request " + std::to_string(id) + " on channel " + channel.id.describe() +
                 ", which was not sent there, or is answered already");
}

void Core::take_error(const FrameHeader& header, EntryPtr& entry) {
  refuse_behind_end(header.kind);
  if (header.kind == FrameKind::final_error) {
    ReceivedError received = decode_error(entry->payload.span());
    const os::MutexLock lock(final_mutex_);
    final_exception_ = std::move(received.error);
    final_text_ = std::move(received.description);
  }
  const std::size_t bytes = entry->payload.size();
  entry->sequence = next_sequence_++;
  held_errors_.emplace_back();
  held_errors_.back() = std::move(entry);
  inbox_.charge(bytes);
}

ReceivedError Core::decode_error(std::span<const std::byte> payload) const {
  const RemoteOrigin origin(options_.peer.name, options_.peer.pid);
  std::string why;
  try {
    return decode_error_payload(payload, options_.link.max_message_bytes, origin);
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
    why = "its codec threw something that is no std::exception";
  }
  // The peer meant to report an error: that much is told, whatever its codec throws.
  return {std::make_exception_ptr(RemoteError("unreadable", why, origin)), "an error that cannot be read: " + why};
}

}  // namespace coproc::inline v0::detail
