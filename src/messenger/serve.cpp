#include "coproc/serve.hpp"

#include <cxxabi.h>

#include <exception>
#include <optional>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"

namespace coproc::inline v0::detail {

namespace {

/// The next message; nullopt if the peer wants this end to close, or sends no more.
std::optional<Message> next_message(Messenger& messenger, const ChannelId& channel) {
  try {
    return messenger.receive_blocking(channel);
  } catch (const ResourceRequestedClose&) {
  } catch (const WorkerRequestedClose&) {}
  return std::nullopt;
}

[[noreturn]] void throw_not_served(const Message& message) {
  if (message.error()) std::rethrow_exception(message.error());
  throw MessageNotRecognizedError("no function given to serve() takes the message on channel " +
                                  message.channel().describe() + ", which holds " + in_one_line(message.type_name()) +
                                  ": add one for it; what serves a request takes a type that names its Reply");
}

/// Answers by the exception that is being handled. That of a stream which its reader has given up has no reader.
void reply_exception(Messenger& messenger, const Message& request) {
  bool is_cancelled = false;
  try {
    throw;
  } catch (const StreamCancelledError&) {
    is_cancelled = true;
  } catch (...) {}
  try {
    messenger.reply_exception_to(request);
  } catch (const NoRequestError&) {
    if (!is_cancelled) throw;
  }
}

}  // namespace

void end_served_stream(Messenger& messenger, const Message& request) {
  try {
    messenger.end_reply_to(request);
  } catch (const NoRequestError&) {
    // The reader has given it up, and the function has not let the error of that out.
  }
}

void serve_messages(Messenger& messenger, const ChannelId& channel,
                    bool (*serve_one)(Messenger&, const Message&, void* functions), void* functions) {
  while (const std::optional<Message> message = next_message(messenger, channel)) {
    try {
      if (!serve_one(messenger, *message, functions)) throw_not_served(*message);
    } catch (const ResourceRequestedClose&) {
      return;  // of a receive in the function
    } catch (const abi::__forced_unwind&) {
      throw;  // pthread_exit()
    } catch (...) {
      if (!message->request_id() || message->is_reply()) throw;
      reply_exception(messenger, *message);
    }
  }
}

}  // namespace coproc::inline v0::detail
