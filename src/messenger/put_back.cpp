// Puts a message that was returned to the user back to the front of its channel's queue.
#include <utility>

#include "coproc/detail/message_access.hpp"
#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"

namespace coproc::inline v0::detail {

using link::FrameKind;

/// Also undoes the counting of the receive that returned the message. If it throws, nothing has changed.
void Core::put_back(Message& message) {
  CallGuard guard(*this);
  MessageParts& parts = MessageAccess::parts(message);
  const bool is_moved_from = parts.type == nullptr && parts.error == nullptr;
  if (is_moved_from || parts.run != run_) {
    throw InvalidArgumentError("a message cannot be put back into the messenger to " + options_.peer.name +
                               (is_moved_from ? ": it was moved from, or put back already"
                                              : ": it was received through another link (an earlier run of the worker, "
                                                "or another messenger)"));
  }
  const FrameKind kind = parts.error != nullptr  ? FrameKind::error_reply
                         : parts.is_reply        ? FrameKind::reply
                         : parts.request_id != 0 ? FrameKind::request
                                                 : FrameKind::message;
  if (kind == FrameKind::request) request_to_answer(message);  // throws if the request has been answered
  Channel& channel = channels_.of(parts.channel);
  if (kind == FrameKind::message && channel.keeps_latest && inbox_.latest(channel.index) != nullptr)
    return drop_replaced(channel, parts);
  const bool is_answer = parts.is_reply && parts.request_id != 0;
  EntryPtr entry = inbox_.make_entry();
  entry->kind = kind;
  entry->channel = channel.index;
  entry->type = peer_names_.number_of(parts.type);
  entry->request_id = parts.request_id;
  entry->sequence = last_put_back_ - 1;
  entry->priority = parts.priority;
  entry->loan_cost = IncomingLoans::cost_of(parts.loans);
  if (is_answer) requests_.take_back_reply(channel, parts.request_id);
  entry->payload.put_back(std::move(parts.payload));
  entry->loans = std::move(parts.loans);
  const bool is_latest = channel.keeps_latest && kind == FrameKind::message;
  try {
    is_latest ? static_cast<void>(inbox_.put_latest(entry)) : inbox_.put_first(entry);
  } catch (...) {
    if (is_answer) requests_.note_returned_reply(channel, parts.request_id);
    parts.payload = entry->payload.take();
    parts.loans = std::move(entry->loans);
    throw;
  }
  --last_put_back_;
  --channel.counts.received;
  if (kind == FrameKind::request) requests_.take_back_request(channel, parts.request_id);
  parts.type.reset();
  parts.error = nullptr;
}

}  // namespace coproc::inline v0::detail
