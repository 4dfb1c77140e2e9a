// Receives.
#include <memory>
#include <utility>

#include "c_api/handles.hpp"
#include "c_api/payload.hpp"
#include "c_api/status.hpp"
#include "coproc/errors.hpp"

namespace {

using coproc::c_api::guarded;
using coproc::c_api::require;
using coproc::c_api::timeout_of;

coproc_message* give(std::unique_ptr<coproc_message> handle, coproc::Message&& received) noexcept {
  handle->message = std::move(received);
  handle->kind = coproc::c_api::kind_of(handle->message);
  return handle.release();
}

}  // namespace

coproc_status coproc_receive(coproc_host* host, const coproc_channel* channel, int64_t timeout_ms,
                             coproc_message** message) {
  return guarded([&] {
    require(host, "coproc_receive", "host");
    require(message, "coproc_receive", "message");
    auto handle = std::make_unique<coproc_message>();
    const coproc::ChannelId& id = channel == nullptr ? coproc::kDefaultChannel : channel->id;
    auto received = host->messenger.receive_for(id, timeout_of(timeout_ms));
    if (!received) throw coproc::TimeoutError("no message on channel " + id.describe() + " came within the time given");
    *message = give(std::move(handle), *std::move(received));
  });
}

coproc_status coproc_receive_reply(coproc_host* host, uint64_t id, int64_t timeout_ms, coproc_message** message) {
  return guarded([&] {
    require(host, "coproc_receive_reply", "host");
    require(message, "coproc_receive_reply", "message");
    auto handle = std::make_unique<coproc_message>();
    *message = give(std::move(handle), host->messenger.receive_reply(coproc::RequestId{id}, timeout_of(timeout_ms)));
  });
}

coproc_status coproc_discard_reply(coproc_host* host, uint64_t id) {
  return guarded([&] {
    require(host, "coproc_discard_reply", "host");
    host->messenger.discard_reply(coproc::RequestId{id});
  });
}
