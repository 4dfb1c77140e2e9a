// Sends and replies.
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "c_api/handles.hpp"
#include "c_api/payload.hpp"
#include "c_api/status.hpp"
#include "coproc/errors.hpp"

namespace {

using coproc::InvalidArgumentError;
using coproc::c_api::guarded;
using coproc::c_api::require;
using coproc::c_api::timeout_of;
using coproc::c_api::with_payload;

/// The options of a send, which a program may have been compiled with more members of than are known here, or fewer.
struct Options {
  coproc::ChannelId channel;
  coproc::SendOptions send;
};

Options options_of(const coproc_send_options* given, const char* function, bool has_channel) {
  coproc_send_options options = COPROC_SEND_OPTIONS_INIT;
  if (given != nullptr) {
    if (given->struct_size < sizeof options) {
      throw InvalidArgumentError(std::string(function) + ": `options` has a struct_size of " +
                                 std::to_string(given->struct_size) +
                                 ": initialise it by COPROC_SEND_OPTIONS_INIT, which sets it");
    }
    std::memcpy(&options, given, sizeof options);
  }
  if (!has_channel && options.channel != nullptr) {
    throw InvalidArgumentError(std::string(function) +
                               ": `options` names a channel: a reply goes to the channel of its request, and an error "
                               "belongs to none. Set it to NULL");
  }
  Options result;
  if (options.channel != nullptr) result.channel = options.channel->id;
  result.send.timeout = timeout_of(options.timeout_ms);
  if (options.has_priority != 0) result.send.priority = options.priority;
  return result;
}

std::string_view payload_of(coproc_kind kind, const void* data, size_t size, const char* function) {
  if (kind != COPROC_TEXT && kind != COPROC_BYTES && kind != COPROC_MSGPACK) {
    throw InvalidArgumentError(std::string(function) + ": " + std::to_string(kind) +
                               " is no kind that can be sent: COPROC_TEXT, COPROC_BYTES and COPROC_MSGPACK are");
  }
  if (size != 0) require(data, function, "data");
  return size == 0 ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
}

}  // namespace

coproc_status coproc_send(coproc_host* host, coproc_kind kind, const void* data, size_t size,
                          const coproc_send_options* options) {
  return guarded([&] {
    require(host, "coproc_send", "host");
    const std::string_view payload = payload_of(kind, data, size, "coproc_send");
    const Options how = options_of(options, "coproc_send", true);
    with_payload(kind, payload,
                 [&](const auto& value) { host->messenger.send_norequest(value, how.channel, how.send); });
  });
}

coproc_status coproc_send_request(coproc_host* host, coproc_kind kind, const void* data, size_t size,
                                  const coproc_send_options* options, uint64_t* id) {
  return guarded([&] {
    require(host, "coproc_send_request", "host");
    require(id, "coproc_send_request", "id");
    const std::string_view payload = payload_of(kind, data, size, "coproc_send_request");
    const Options how = options_of(options, "coproc_send_request", true);
    *id = static_cast<uint64_t>(with_payload(
        kind, payload, [&](const auto& value) { return host->messenger.send_request(value, how.channel, how.send); }));
  });
}

coproc_status coproc_reply(coproc_host* host, const coproc_message* request, coproc_kind kind, const void* data,
                           size_t size, const coproc_send_options* options) {
  return guarded([&] {
    require(host, "coproc_reply", "host");
    require(request, "coproc_reply", "request");
    const std::string_view payload = payload_of(kind, data, size, "coproc_reply");
    const Options how = options_of(options, "coproc_reply", false);
    with_payload(kind, payload,
                 [&](const auto& value) { host->messenger.reply_to(request->message, value, how.send); });
  });
}

coproc_status coproc_reply_error(coproc_host* host, const coproc_message* request, const char* text,
                                 const coproc_send_options* options) {
  return guarded([&] {
    require(host, "coproc_reply_error", "host");
    require(request, "coproc_reply_error", "request");
    require(text, "coproc_reply_error", "text");
    const Options how = options_of(options, "coproc_reply_error", false);
    host->messenger.reply_error_to(request->message, std::runtime_error(text), how.send);
  });
}

coproc_status coproc_send_error(coproc_host* host, const char* text, const coproc_send_options* options) {
  return guarded([&] {
    require(host, "coproc_send_error", "host");
    require(text, "coproc_send_error", "text");
    const Options how = options_of(options, "coproc_send_error", false);
    host->messenger.send_error(std::runtime_error(text), how.send);
  });
}

coproc_status coproc_send_close_request(coproc_host* host) {
  return guarded([&] {
    require(host, "coproc_send_close_request", "host");
    host->messenger.send_close_request();
  });
}

coproc_status coproc_send_end(coproc_host* host, int64_t timeout_ms) {
  return guarded([&] {
    require(host, "coproc_send_end", "host");
    host->messenger.send_end({.timeout = timeout_of(timeout_ms)});
  });
}
