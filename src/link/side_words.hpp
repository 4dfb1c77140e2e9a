// The words that each end of a link publishes about itself, besides what is in the rings.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coproc::inline v0::link {

/// Bits of `SideWords::waiting`.
inline constexpr std::uint32_t kWaitsForRecords = 1;
inline constexpr std::uint32_t kWaitsForSpace = 2;
inline constexpr std::uint32_t kSleeps = 4;  // set in every sleep, so that a close request wakes it

/// Written by the end that it belongs to, apart from `waiting`, which the peer clears when it wakes that end. All
/// words change rarely, so that the peer can read them with every message.
struct alignas(64) SideWords {
  std::atomic<std::uint32_t> waiting;         // 0: awake; else the bits above
  std::atomic<std::int32_t> processor;        // on which it ran when it last began to wait
  std::atomic<std::uint32_t> close_requests;  // how often this side asked the other to close
  std::atomic<std::uint32_t> stuck;           // blocked in a send with a full inbox
  std::atomic<std::uint32_t> overtakings;     // how many records overtook earlier ones
  std::atomic<std::uint32_t> copies_loans;    // 1: it cannot map loans, and copies them
  std::atomic<std::uint32_t> asks_in_hand;    // 1: the peer is to keep the InHandWords; set before the peer begins
  std::atomic<std::uint32_t> asks_release;    // 1: the peer is to give space back at once; set before the peer begins
};
/// Whether an end is blocked in a send, since its peer does not read: it is stuck, or waits for space in a ring in
/// which so much is unread. An end in an event loop waits for space and records all the time, as does a send. But a
/// record that does not fit, with its pad, takes half of a ring at most.
constexpr bool is_blocked_in_send(bool is_stuck, std::uint32_t waiting, std::uint64_t unread,
                                  std::uint64_t ring_bytes) noexcept {
  return is_stuck || ((waiting & kWaitsForSpace) != 0 && unread >= ring_bytes / 2);
}

static_assert(sizeof(SideWords) == 64 && offsetof(SideWords, close_requests) == 8 &&
              std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace coproc::inline v0::link
