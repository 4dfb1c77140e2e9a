// Notes messages, if the link keeps events. Apart from what sends and receives, so that this is not inlined there:
// other messengers pay nothing for it.
#include "messenger/core.hpp"
#include "os/clock.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;

void Core::send_and_note(FrameHeader header, const Outgoing& value, Channel& channel, const os::Deadline& deadline) {
  const std::int64_t begun = os::now_ns();
  header.channel = channel_number(channel, deadline);
  header.type = type_number(*value.traits->type, deadline);
  send_payload(header, value, deadline);
  note_sent(header.kind, header.request_id, *value.traits->type, begun);
}

void Core::note_sent(FrameKind kind, std::uint64_t id, const TypeInfo& type, std::int64_t begun) noexcept {
  notes_->sent(kind, id, own_names_.number_of(type), begun, [&] { return type.describe(); });
}

void Core::note_received(const Entry& entry) noexcept {
  notes_->received(entry.kind, entry.request_id, entry.type, [&] { return peer_names_.type(entry.type)->description; });
}

}  // namespace coproc::inline v0::detail
