// States that survive: a worker saves them, alone or together with a reply, and its host gives the newest one to the
// next worker.
//
// A state travels whole, without loans, since it has to outlive the link. A reply with a state is one message, so that
// both count or neither, however many records it takes.
#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "messenger/call_guard.hpp"
#include "messenger/core.hpp"
#include "messenger/supervised.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;
using link::FrameKind;

namespace {

constexpr std::size_t kKeptScratch = std::size_t{1} << 20;

}  // namespace

// ---- the worker ----

/// The bytes of the state: the value's own, or in the buffer.
std::span<const std::byte> Core::encode_state(const Outgoing& state, Buffer& buffer) const {
  const std::size_t most = std::min(options_.max_state_bytes, options_.link.max_message_bytes);
  const auto refuse = [&] {
    throw MessageTooLargeError("a state of type " + state.traits->type->describe() + " takes more than the " +
                               std::to_string(most) +
                               " bytes that its host keeps, and was not saved: save less, or raise "
                               "RestartOptions::max_state_bytes (and LinkOptions::max_message_bytes)");
  };
  if (state.traits->is_block) {
    if (state.traits->size_hint > most) refuse();
    return {static_cast<const std::byte*>(state.value), state.traits->size_hint};
  }
  try {
    Encoder encoder(buffer, most);
    state.traits->encode(encoder, state.value);
    return encoder.written();
  } catch (const MessageTooLargeError&) {
    refuse();
    throw;
  }
}

void Core::save(const Outgoing& state, const SendOptions& options) {
  const CallGuard guard(*this);
  throw_if_closed();
  if (!saves_states()) return;
  Buffer buffer;
  const auto bytes = encode_state(state, buffer);
  const os::Deadline deadline(options.timeout.ns);
  FrameHeader header;
  header.kind = FrameKind::state;
  header.type = type_number(*state.traits->type, deadline);
  send_bytes(header, bytes, deadline);
  step("save: published");
}

void Core::save_and_reply(const Outgoing& state, const Outgoing& answer, const ChannelId& channel,
                          const SendOptions& options) {
  const CallGuard guard(*this);
  save_with_reply(state, answer, channel, requests_.oldest_to_answer(channels_.of(channel)), options);
}

void Core::save_and_reply_to(const Outgoing& state, const Message& request, const Outgoing& answer,
                             const SendOptions& options) {
  const CallGuard guard(*this);
  save_with_reply(state, answer, request.channel(), request_to_answer(request), options);
}

void Core::save_with_reply(const Outgoing& state, const Outgoing& answer, const ChannelId& name, std::uint64_t id,
                           const SendOptions& options) {
  throw_if_closed();
  const Priority priority = options.priority ? *options.priority : answer.priority ? *answer.priority : Priority();
  if (priority.is_nan()) throw InvalidArgumentError("the priority of a reply is not a number: nothing was sent");
  Buffer buffer;
  const auto bytes = encode_state(state, buffer);
  const os::Deadline deadline(options.timeout.ns);
  const link::StateTrailer trailer{bytes.size(), type_number(*state.traits->type, deadline)};
  Channel& channel = channels_.of(name);
  FrameHeader header;
  header.kind = FrameKind::reply;
  header.flags = link::kSavesState;
  header.rest = priority.rest();
  header.channel = channel_number(channel, deadline);
  header.type = type_number(*answer.traits->type, deadline);
  header.request_id = id;
  header.priority = priority.value();

  scratch_.clear();
  Encoder encoder(scratch_, options_.link.max_message_bytes);
  const OutgoingLoans::Message loans(outgoing_loans_, encoder);
  answer.traits->encode(encoder, answer.value);
  encoder.bytes(bytes.data(), bytes.size());
  encoder.bytes(&trailer, sizeof trailer);
  loans.finish(header);
  const std::int64_t begun = notes_ == nullptr ? 0 : os::now_ns();
  send_bytes(header, encoder.written(), deadline);
  loans.hand_over();
  if (scratch_.capacity() > kKeptScratch) scratch_ = Buffer();
  ++channel.counts.sent;
  if (id != 0) requests_.note_answered(channel, id);
  if (notes_ != nullptr) note_sent(FrameKind::reply, id, *answer.traits->type, begun);
  step("save: published with a reply");
}

// ---- the host ----

std::shared_ptr<const SavedState> Core::take_in_saved_state() {
  const CallGuard guard(*this);
  inbox_.lift_limit();  // no more will come than is in the link now
  try {
    drain(Stop::at_last_frame);
  } catch (const std::exception&) {
    // What came before counts. The rest cannot be read.
  }
  return reader_.states().newest();
}

bool Core::has_been_answered() const noexcept {
  const std::size_t answers = channels_.all_counts().requests - requests_.open() + inbox_.replies();
  return answers > answers_of_others_ || reader_.has_streamed();
}

}  // namespace coproc::inline v0::detail

namespace coproc::inline v0 {

void Messenger::save(const detail::Outgoing& state, const SendOptions& options) {
  detail::supervised(core(), options, [&](const SendOptions& now) { core_->save(state, now); });
}

void Messenger::save_and_reply(const detail::Outgoing& state, const detail::Outgoing& answer, const ChannelId& channel,
                               const SendOptions& options) {
  if (!core().saves_states()) return send_reply(answer, channel, options);
  detail::supervised(core(), options,
                     [&](const SendOptions& now) { core_->save_and_reply(state, answer, channel, now); });
}

void Messenger::save_and_reply_to(const detail::Outgoing& state, const Message& request, const detail::Outgoing& answer,
                                  const SendOptions& options) {
  if (!core().saves_states()) return reply_to(request, answer, options);
  detail::supervised(core(), options,
                     [&](const SendOptions& now) { core_->save_and_reply_to(state, request, answer, now); });
}

}  // namespace coproc::inline v0
