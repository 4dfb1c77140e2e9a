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

}  // namespace

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
      messenger.reply_exception_to(*message);
    }
  }
}

}  // namespace coproc::inline v0::detail
