// Reads the states that a worker saves, alone or together with a reply.
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "messenger/frame_reader.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::detail {

using link::FrameHeader;

/// Throws ProtocolError unless the peer may save a state of this type and size.
void FrameReader::check_state(std::uint64_t type, std::uint64_t bytes) const {
  if (states_.most_bytes() == 0) throw_broken_rule("it saved a state, which is not kept here");
  if (bytes > states_.most_bytes()) {
    throw_broken_rule("it saved a state of " + std::to_string(bytes) + " bytes, of which at most " +
                      std::to_string(states_.most_bytes()) + " are kept");
  }
  const auto number = static_cast<std::uint32_t>(type);
  if (number != type || !parts_.names.has_type(number)) throw_broken_rule("it saved a state of an undeclared type");
}

/// REQUIRES: check_state() has accepted it.
std::shared_ptr<const SavedState> FrameReader::copy_of_state(std::uint64_t type,
                                                             std::span<const std::byte> bytes) const {
  auto state = std::make_shared<SavedState>();
  state->type = parts_.names.type(static_cast<std::uint32_t>(type));
  state->bytes.reserve(bytes.size());
  state->bytes.append(bytes.data(), bytes.size());
  return state;
}

/// Takes a complete state. If it throws, nothing has changed.
void FrameReader::take_state(const FrameHeader& header, std::span<const std::byte> bytes) {
  refuse_after_end(header.kind);
  check_state(header.type, bytes.size());
  states_.put(copy_of_state(header.type, bytes));
  step("state: taken");
}

/// The same for the pieces of a large one.
void FrameReader::take_state(const FrameHeader& header, Payload& bytes) {
  refuse_after_end(header.kind);
  check_state(header.type, bytes.size());
  auto state = std::make_shared<SavedState>();
  state->type = parts_.names.type(header.type);
  state->bytes = bytes.take();
  states_.put(std::move(state));
  step("state: taken");
}

/// Takes a reply and the state that is at the end of its payload, or, if it throws, neither.
void FrameReader::take_answer_with_state(const FrameHeader& header, const Channel& channel, EntryPtr& entry) {
  const std::span<const std::byte> whole = entry->payload.span();
  link::StateTrailer trailer;
  if (whole.size() < sizeof trailer) throw_broken_rule("it saved a state without its size");
  const std::size_t end = whole.size() - sizeof trailer;
  std::memcpy(&trailer, whole.data() + end, sizeof trailer);
  if (trailer.bytes > end) throw_broken_rule("it saved a state that is larger than the message with it");
  check_state(trailer.type, trailer.bytes);
  const std::size_t size = end - trailer.bytes;
  auto state = copy_of_state(trailer.type, whole.subspan(size, trailer.bytes));
  // Copied, since the inbox would not count the memory that stays behind the end of a payload.
  Payload value;
  value.append(whole.data(), size);
  Payload before = std::exchange(entry->payload, std::move(value));
  try {
    take_answer(header, channel, entry);
  } catch (...) {
    entry->payload = std::move(before);
    throw;
  }
  states_.put(std::move(state));
  step("state: taken with a reply");
}

}  // namespace coproc::inline v0::detail
