// Sends error replies, errors, and the exception that ended the target.
#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"
#include "messenger/error_table.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;

void Core::reply_error_to(const Message& request, const ErrorType& type, const void* error,
                          const SendOptions& options) {
  CallGuard guard(*this);
  throw_if_closed();
  send_unsent(options.timeout);
  const std::uint64_t id = request_to_answer(request);
  Buffer payload;
  encode_error_payload(payload, options_.link.max_message_bytes, type, error);
  send_error_reply(request, id, payload.span(), deadline_of(options.timeout));
}

void Core::reply_exception_to(const Message& request, const SendOptions& options) {
  CallGuard guard(*this);
  throw_if_closed();
  send_unsent(options.timeout);
  const std::uint64_t id = request_to_answer(request);
  Buffer payload;
  encode_exception_of("what was to answer the request", payload, options_.link.max_message_bytes);
  send_error_reply(request, id, payload.span(), deadline_of(options.timeout));
}

void Core::send_error_reply(const Message& request, std::uint64_t id, std::span<const std::byte> payload,
                            const os::Deadline& deadline) {
  Channel& channel = channels_.of(request.channel());
  FrameHeader header;
  header.kind = FrameKind::error_reply;
  header.channel = channel_number(channel, deadline);
  header.request_id = id;
  header.priority = Priority().value();
  const std::int64_t begun = notes_ == nullptr ? 0 : os::now_ns();
  send_bytes(header, payload, deadline);
  ++channel.counts.sent;
  requests_.note_answered(channel, id);
  if (notes_ != nullptr) notes_->sent(FrameKind::error_reply, id, 0, begun, [] { return std::string(); });
}

void Core::send_error(const ErrorType& type, const void* error, const SendOptions& options) {
  CallGuard guard(*this);
  throw_if_closed();
  send_unsent(options.timeout);
  Buffer payload;
  encode_error_payload(payload, options_.link.max_message_bytes, type, error);
  FrameHeader header;
  header.kind = FrameKind::error;
  send_bytes(header, payload.span(), deadline_of(options.timeout));
}

void Core::send_current_exception(const SendOptions& options) {
  CallGuard guard(*this);
  throw_if_gone();
  send_unsent(options.timeout);
  Buffer payload;
  encode_current_exception(payload, options_.link.max_message_bytes);
  FrameHeader header;
  header.kind = FrameKind::final_error;
  send_bytes(header, payload.span(), deadline_of(options.timeout));
}

std::uint64_t Core::request_to_answer(const Message& request) {
  const auto id = request.request_id();
  if (!id || request.is_reply()) {
    throw NoRequestError("the message on channel " + request.channel().describe() +
                         " is not a request: only messages sent with send_request can be answered");
  }
  if (request.run() != run_) {
    std::erase_if(left_to_answer_, [&](const Left& left) {  // this is what its answer throws
      return left.run == request.run() && left.id == static_cast<std::uint64_t>(*id);
    });
    throw NoRequestError(
        "the request came through another link (an earlier run of the worker, or another messenger): "
        "it can only be answered through the link that it came through");
  }
  if (!requests_.is_to_answer(static_cast<std::uint64_t>(*id))) {
    throw NoRequestError("the request on channel " + request.channel().describe() + " has been answered already");
  }
  return static_cast<std::uint64_t>(*id);
}

}  // namespace coproc::inline v0::detail
