// Requests of a supervised worker that has ended without answering them: they are sent again to the next worker, in
// their order and before anything new, or fail.
#include <algorithm>
#include <exception>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;
using link::kHeaderBytes;

/// Call before the request with the next id is sent: what it lends belongs to the peer afterwards.
void Core::keep_copy(const Outgoing& request, const ChannelId& channel, const Priority& priority,
                     std::uint64_t window) {
  requests_.copies()->keep(requests_.next_id(), channel, request, priority, options_.link.max_message_bytes, window);
}

// ---- after a restart ----

std::size_t Core::resend_orphans(std::size_t attempts, const ExitStatus& end, const std::exception_ptr& error,
                                 const std::function<std::exception_ptr(std::vector<ExitStatus>)>& give_up) {
  CallGuard guard(*this);
  KeptRequests& copies = *requests_.copies();
  copies.forget_unsent();  // those of them that still have no answer are among the orphans
  std::size_t again = 0;
  std::vector<RequestId> failed_streams;  // that fail by `error`
  const auto shared_end = std::make_shared<const ExitStatus>(end);
  std::map<std::vector<std::shared_ptr<const ExitStatus>>, std::exception_ptr> given_up;  // one error for equal ends
  const auto error_after = [&](const std::vector<std::shared_ptr<const ExitStatus>>& ends) {
    std::exception_ptr& made = given_up[ends];
    if (made == nullptr) {
      std::vector<ExitStatus> statuses;
      for (const auto& each : ends) statuses.push_back(*each);
      made = give_up(std::move(statuses));
    }
    return made;
  };
  for (const auto& [request_id, index] : std::exchange(orphans_, {})) {
    const auto id = static_cast<std::uint64_t>(request_id);
    KeptRequest* const copy = copies.find(id);
    std::exception_ptr fails = copy == nullptr ? error : nullptr;
    if (copy != nullptr && in_hand_.holds(id)) {
      copy->ends.push_back(shared_end);
      if (copy->ends.size() >= attempts) fails = error_after(copy->ends);
    }
    if (fails != nullptr) {
      if (index == kStream && copy == nullptr) {
        failed_streams.push_back(request_id);
      } else {
        fail_request(id, index, std::move(fails));
      }
      continue;
    }
    Channel& channel = channels_.of(copy->channel);
    if (index == kStream) {
      requests_.streams().begin(id, channel.index, copy->window);
    } else {
      requests_.expect_earlier(channel, id);
    }
    copies.send_again(id);
    ++again;
  }
  failed_.add(std::move(failed_streams), error);
  return again;
}

/// The request fails by an error that no peer has sent. `index`: of its channel, or kStream.
void Core::fail_request(std::uint64_t id, std::uint32_t index, std::exception_ptr error) {
  Streams& streams = requests_.streams();
  if (index == kStream && !streams.reads(id)) {
    const KeptRequest& copy = *requests_.copies()->find(id);
    streams.begin(id, channels_.of(copy.channel).index, copy.window);
  }
  Channel& channel = channels_.at(index == kStream ? streams.reading(id)->channel : index);
  requests_.forget_copy(id);
  own_errors_.insert_or_assign(id, std::move(error));
  EntryPtr entry = inbox_.make_entry();
  entry->kind = FrameKind::error_reply;
  entry->channel = channel.index;
  entry->type = 0;
  entry->request_id = id;
  entry->sequence = reader_.take_sequence();
  entry->priority = Priority();
  if (index == kStream) {  // the error is its last part
    const std::size_t cost = entry->cost();
    streams.put(*streams.reading(id), entry, true);
    inbox_.charge(cost);
    return;
  }
  if (!requests_.expects(id, channel)) requests_.expect_earlier(channel, id);
  inbox_.put(entry);
  ++answers_of_others_;
}

/// For a reply to the oldest request of a channel, which an earlier worker had sent.
void Core::refuse_if_left(const Channel& channel) {
  const auto left = std::find_if(left_to_answer_.begin(), left_to_answer_.end(),
                                 [&](const Left& each) { return each.channel == channel.index; });
  if (left == left_to_answer_.end()) return;
  left_to_answer_.erase(left);
  throw NoRequestError("the oldest request on channel " + channel.id.describe() + " that has no reply came from an " +
                       "earlier run of worker " + options_.peer.name +
                       ", which waits for none any more: nothing was sent");
}

std::exception_ptr Core::error_of(const Entry& reply) {
  if (reply.payload.size() == 0) {  // what a peer sends says at least which type the error has
    if (const auto own = own_errors_.find(reply.request_id); own != own_errors_.end()) return own->second;
  }
  return reader_.decode_error(reply.payload.span()).error;
}

// ---- sending again ----

/// Writes the frame, or its first piece, of which the rest follows by send_rest(), without publishing it. Returns false
/// if there is no room. REQUIRES: there is no rest of another frame.
bool Core::write_if_room(FrameHeader header, std::span<const std::byte> payload) {
  const std::size_t bytes = std::min(kHeaderBytes + payload.size(), link_->max_record());
  const std::span<std::byte> room = link_->reserve(bytes);
  if (room.empty()) {
    unsent_room_ = bytes;
    return false;
  }
  if (kHeaderBytes + payload.size() <= bytes) {
    writer_.write(*link_, room, header, payload);
  } else {
    const auto rest = write_first_piece(room, header, payload);
    try {
      writer_.keep_rest(rest, scratch_);
    } catch (...) {
      writer_.abort_message();  // it is written anew
      throw;
    }
  }
  return true;
}

/// Writes the request, and before it what declares its names. Returns false if there is no room for more: what was
/// written then stays so.
bool Core::send_again(std::uint64_t id, const KeptRequest& request) {
  Channel& channel = channels_.of(request.channel);
  if (channel.number == Channel::kUndeclared) {
    const Buffer bytes = own_names_.encode_declaration(channel);
    FrameHeader header;
    header.kind = FrameKind::channel;
    if (!write_if_room(header, bytes.span())) return false;
    own_names_.note_declared(channel, bytes.size());
    if (writer_.has_rest()) return false;
  }
  std::uint32_t type = own_names_.number_of(request.type);
  if (type == 0) {
    const Buffer bytes = own_names_.encode_declaration(request.type, requests_.copies()->type_text(request.type));
    FrameHeader header;
    header.kind = FrameKind::type;
    if (!write_if_room(header, bytes.span())) return false;
    type = own_names_.note_declared(request.type, bytes.size());
    if (writer_.has_rest()) return false;
  }
  FrameHeader header;
  header.kind = FrameKind::request;
  header.rest = request.priority.rest();
  header.channel = channel.number;
  header.type = type;
  header.request_id = id;
  header.priority = request.priority.value();
  if (request.window == 0) return write_if_room(header, request.payload.span());
  header.flags = link::kAsksForParts;
  Buffer payload;
  payload.append(request.payload.data(), request.payload.size());
  payload.append(&request.window, sizeof request.window);  // as begin_stream() does it
  return write_if_room(header, payload.span());
}

/// Whether nobody wants the answer to a request that waits for being sent again. It is then forgotten.
bool Core::forget_if_unwanted(std::uint64_t id) {
  if (requests_.copies()->find(id) != nullptr) return false;
  Streams& streams = requests_.streams();
  if (streams.reads(id)) {
    if (streams.reading(id)->is_cancelled) streams.forget(id);
  } else if (requests_.channel_of(id) == nullptr) {
    requests_.note_dropped(id);
    ++answers_of_others_;
  }
  return true;
}

/// Sends what waits for that, as far as there is room. Throws ProtocolError.
void Core::resend_some() {
  KeptRequests& copies = *requests_.copies();
  bool any = false;
  while (has_unsent_) {
    if (writer_.has_rest()) {
      if (writer_.send_rest(*link_)) any = true;
      if (!writer_.has_rest()) continue;
      unsent_room_ = next_piece();
      break;
    }
    if (!copies.has_unsent()) {
      if (owes_end_) {
        FrameHeader end;
        end.kind = FrameKind::end;
        if (!write_if_room(end, {})) break;
        owes_end_ = false;
        any = true;
      }
      has_unsent_ = false;
      break;
    }
    const std::uint64_t id = copies.next_unsent();
    if (!forget_if_unwanted(id)) {
      const std::uint64_t sent_before = link_->sent_until();
      const std::int64_t begun = notes_ == nullptr ? 0 : os::now_ns();
      bool is_sent = true;
      try {
        const KeptRequest& request = *copies.find(id);
        is_sent = send_again(id, request);
        if (is_sent && notes_ != nullptr) {
          notes_->sent(FrameKind::request, id, own_names_.number_of(request.type), begun,
                       [&] { return copies.type_text(request.type); });
        }
      } catch (const InvalidArgumentError&) {
        // Its names are too much for this link, on which others were used before.
        const bool is_stream = requests_.streams().reads(id);
        fail_request(id, is_stream ? kStream : *requests_.channel_of(id), std::current_exception());
      }
      if (link_->sent_until() != sent_before) any = true;
      if (!is_sent) {
        if (writer_.has_rest()) continue;
        break;
      }
    }
    copies.note_sent_again();
  }
  if (any) writer_.publish_now(*link_);  // if the peer cannot be woken any more, the next wait finds out
}

void Core::wait_and_send_unsent(const Timeout& timeout) {
  const os::Deadline deadline = unsent_deadline_.emplace(timeout.ns);
  for (;;) {
    resend_some();
    if (!has_unsent_) return;
    (void)room_for(unsent_room_, deadline);
  }
}

void Core::send_owed() {
  if (has_unsent_ && !peer_gone_) resend_some();
  if (!has_unsent_) pay_streams();
}

}  // namespace coproc::inline v0::detail
