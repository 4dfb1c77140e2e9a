#include "link/link_sight.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "link/frame.hpp"

namespace coproc::inline v0::link {

namespace {

template <class T>
T word_at(std::span<const std::byte> bytes, std::size_t offset) noexcept {
  T word{};
  std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

SideSight side_at(std::span<const std::byte> header, std::size_t at) noexcept {
  SideSight side;
  side.waiting = word_at<std::uint32_t>(header, at + offsetof(SideWords, waiting));
  side.close_requests = word_at<std::uint32_t>(header, at + offsetof(SideWords, close_requests));
  side.is_stuck = word_at<std::uint32_t>(header, at + offsetof(SideWords, stuck)) == 1;
  return side;
}

bool is_message(std::uint8_t kind) noexcept {
  return (kind >= static_cast<std::uint8_t>(FrameKind::message) &&
          kind <= static_cast<std::uint8_t>(FrameKind::final_error)) ||
         kind == static_cast<std::uint8_t>(FrameKind::part);
}

}  // namespace

LinkLook sight_of(std::span<const std::byte, kSightBytes> header) {
  if (word_at<std::uint64_t>(header, offsetof(LinkHeader, magic)) != kMagic)
    return {std::nullopt, "its memory does not begin as a link's does"};
  const auto version = word_at<std::uint32_t>(header, offsetof(LinkHeader, version));
  if (version != kProtocolVersion) {
    return {std::nullopt, "its protocol has version " + std::to_string(version) + ", and version " +
                              std::to_string(kProtocolVersion) + " is understood here"};
  }
  LinkSight sight;
  sight.ring_bytes = word_at<std::uint64_t>(header, offsetof(LinkHeader, ring_bytes));
  sight.loan_bytes = word_at<std::uint64_t>(header, offsetof(LinkHeader, loan_bytes));
  if (!std::has_single_bit(sight.ring_bytes) || sight.ring_bytes < ring::kMinBytes ||
      sight.ring_bytes > ring::kMaxBytes)
    return {std::nullopt, "its rings have an impossible size"};
  if (sight.loan_bytes != 0 && (!std::has_single_bit(sight.loan_bytes) || sight.loan_bytes < kLeastLoanBytes ||
                                sight.loan_bytes > kMostLoanBytes))
    return {std::nullopt, "its loans have an impossible size"};
  for (const int end : {0, 1}) {
    const auto i = static_cast<std::size_t>(end);
    sight.side[end] = side_at(header, offsetof(LinkHeader, side) + i * sizeof(SideWords));
  }
  for (const int from : {0, 1}) {
    const std::size_t at = offsetof(LinkHeader, ring) + static_cast<std::size_t>(from) * sizeof(ring::Positions);
    const auto tail = word_at<std::uint64_t>(header, at + offsetof(ring::Positions, tail));
    const auto head = word_at<std::uint64_t>(header, at + offsetof(ring::Positions, head));
    // A head beyond the tail may be of a later moment.
    const std::uint64_t used = tail > head ? tail - head : 0;
    if (tail % ring::kAlignment != 0 || head % ring::kAlignment != 0 || used > sight.ring_bytes)
      return {std::nullopt, "the positions of its rings are impossible"};
    sight.ring[from] = {tail, sight.side[1 - from].waits_for_records() ? 0 : used};
  }
  return {sight, {}};
}

std::optional<RestartSight> restart_of(std::span<const std::byte, kRestartBytes> note) {
  RestartSight restart;
  restart.number = word_at<std::uint64_t>(note, offsetof(RestartNote, number));
  if (restart.number == 0) return std::nullopt;
  restart.time_ns = word_at<std::int64_t>(note, offsetof(RestartNote, time_ns));
  restart.pid_before = word_at<std::int32_t>(note, offsetof(RestartNote, pid_before));
  restart.reason = word_at<std::uint32_t>(note, offsetof(RestartNote, reason));
  const auto text = note.subspan(offsetof(RestartNote, text));
  const auto bytes =
      std::min<std::size_t>(word_at<std::uint32_t>(note, offsetof(RestartNote, text_bytes)), text.size());
  restart.text.assign(reinterpret_cast<const char*>(text.data()), bytes);
  return restart;
}

std::optional<std::uint64_t> count_messages(std::span<const std::byte> records, std::uint64_t ring_bytes) {
  constexpr std::size_t kWord = sizeof(std::uint32_t);
  std::uint64_t messages = 0;
  while (!records.empty()) {
    if (records.size() < ring::kAlignment) return std::nullopt;
    const auto word = word_at<std::uint32_t>(records, 0);
    const bool is_pad = (word & ring::kPadBit) != 0;
    const std::size_t length = word & ~ring::kPadBit;
    // A pad may take all that is left before the ring's end.
    if (length <= kWord || length > (is_pad ? ring_bytes : ring_bytes / 4)) return std::nullopt;
    if (ring::rounded_up(length) > records.size()) return std::nullopt;
    if (!is_pad && length >= kHeaderBytes && is_message(word_at<std::uint8_t>(records, kWord))) ++messages;
    records = records.subspan(ring::rounded_up(length));
  }
  return messages;
}

}  // namespace coproc::inline v0::link
