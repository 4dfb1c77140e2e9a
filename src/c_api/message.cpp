// What a received message says of itself.
#include <limits>
#include <string>
#include <string_view>

#include "c_api/handles.hpp"
#include "c_api/payload.hpp"
#include "c_api/status.hpp"
#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"

namespace {

using coproc::c_api::guarded;
using coproc::c_api::require;

const std::string& decoded(coproc_message& message) {
  if (!message.data) message.data = coproc::c_api::data_of(message.message, message.kind);
  return *message.data;
}

std::string_view text_of(coproc_message& message) {
  if (message.kind == COPROC_TEXT || message.kind == COPROC_BYTES) return decoded(message);
  if (message.kind == COPROC_MSGPACK) {
    if (const auto text = coproc::c_api::text_in(decoded(message))) return *text;
  }
  throw coproc::TypeMismatchError("coproc_message_text: a message on channel " + message.message.channel().describe() +
                                  " holds " + coproc::detail::in_one_line(message.message.type_name()) +
                                  ", and no text: ask for its kind and its data");
}

}  // namespace

coproc_kind coproc_message_kind(const coproc_message* message) {
  return message == nullptr ? COPROC_NOTHING : message->kind;
}

coproc_status coproc_message_data(coproc_message* message, const void** data, size_t* size) {
  return guarded([&] {
    require(message, "coproc_message_data", "message");
    require(data, "coproc_message_data", "data");
    require(size, "coproc_message_data", "size");
    const std::string& bytes = decoded(*message);
    *data = bytes.c_str();
    *size = bytes.size();
  });
}

coproc_status coproc_message_text(coproc_message* message, const char** text, size_t* size) {
  return guarded([&] {
    require(message, "coproc_message_text", "message");
    require(text, "coproc_message_text", "text");
    require(size, "coproc_message_text", "size");
    const std::string_view found = text_of(*message);  // to the end of a string, behind which is a NUL
    *text = found.data();
    *size = found.size();
  });
}

const char* coproc_message_type_name(const coproc_message* message) {
  return message == nullptr ? "" : message->message.type_name().data();  // all of a string, or of a literal
}

coproc_status coproc_message_channel(coproc_message* message, const coproc_channel** channel) {
  return guarded([&] {
    require(message, "coproc_message_channel", "message");
    require(channel, "coproc_message_channel", "channel");
    if (!message->channel) message->channel.emplace(message->message.channel());
    *channel = &*message->channel;
  });
}

double coproc_message_priority(const coproc_message* message) {
  return message == nullptr ? -std::numeric_limits<double>::infinity() : message->message.priority();
}

uint64_t coproc_message_request_id(const coproc_message* message) {
  if (message == nullptr) return 0;
  const auto id = message->message.request_id();
  return id ? static_cast<uint64_t>(*id) : 0;
}

int coproc_message_is_request(const coproc_message* message) {
  return message != nullptr && message->message.request_id() && !message->message.is_reply() ? 1 : 0;
}

int coproc_message_is_reply(const coproc_message* message) {
  return message != nullptr && message->message.is_reply() ? 1 : 0;
}

void coproc_message_free(coproc_message* message) { delete message; }
