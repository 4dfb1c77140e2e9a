// What the memory of a link shows to somebody who is not one of its ends: sizes, positions, and who waits for what.
//
// Thread safety: free functions over values.
// Invariants: the bytes are a copy, and any process may have made them. Everything is checked before it is used. The
// words of a copy are not all of the same moment: what the ends change meanwhile may be older or newer than the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "link/link_memory.hpp"

namespace coproc::inline v0::link {

/// The part of a link's memory that sight_of() needs.
inline constexpr std::size_t kSightBytes = sizeof(LinkHeader);

struct SideSight {
  std::uint32_t waiting = 0;  // 0: awake; else bits of side_words.hpp
  std::uint32_t close_requests = 0;
  bool is_stuck = false;  // blocked in a send with a full inbox

  bool waits_for_records() const noexcept { return (waiting & kWaitsForRecords) != 0; }
};

/// The ring from one end to the other.
struct RingSight {
  std::uint64_t tail = 0;  // the bytes that were ever sent, with headers
  /// The bytes in the ring that may be unread, at most: space is given back in quarters. 0 if the receiver waits for
  /// more.
  std::uint64_t unread = 0;
};

struct LinkSight {
  std::uint64_t ring_bytes = 0;
  std::uint64_t loan_bytes = 0;
  SideSight side[2];
  RingSight ring[2];  // from end 0 to end 1, and back

  /// See is_blocked_in_send().
  bool is_blocked(int end) const noexcept {
    return is_blocked_in_send(side[end].is_stuck, side[end].waiting, ring[end].unread, ring_bytes);
  }

  /// Where the ring's byte at this position is in the link's memory.
  std::uint64_t place_of(int from, std::uint64_t position) const noexcept {
    return kHeaderPage + static_cast<std::uint64_t>(from) * ring_bytes + (position & (ring_bytes - 1));
  }
};

/// Either what is seen, or why it is not the memory of a link that is understood here.
struct LinkLook {
  std::optional<LinkSight> sight;
  std::string refusal;
};
LinkLook sight_of(std::span<const std::byte, kSightBytes> header);

/// The bytes of a link's memory, from kRestartNoteAt on, that restart_of() needs.
inline constexpr std::size_t kRestartBytes = sizeof(RestartNote);

/// By which restart a supervised worker was started, and why.
struct RestartSight {
  std::uint64_t number = 0;
  std::int64_t time_ns = 0;  // since 1970
  std::int32_t pid_before = 0;
  std::uint32_t reason = 0;
  std::string text;  // any bytes
};
/// nullopt: it was not started in the place of another one, or its host has not told it yet.
std::optional<RestartSight> restart_of(std::span<const std::byte, kRestartBytes> note);

/// The messages, parts and errors in these bytes of a ring, which begin and end with a record, and of which the piece
/// behind the ring's end follows the one before it. nullopt: they are no records, or were overwritten meanwhile.
std::optional<std::uint64_t> count_messages(std::span<const std::byte> records, std::uint64_t ring_bytes);

}  // namespace coproc::inline v0::link
