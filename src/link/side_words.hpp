// What the two ends of a link say about themselves, besides what is in the rings.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coproc::inline v0::link {

/// Bits of `SideWords::waiting`.
inline constexpr std::uint32_t kWaitsForRecords = 1;
inline constexpr std::uint32_t kWaitsForSpace = 2;
inline constexpr std::uint32_t kSleeps = 4;  // in every sleep, whatever it waits for: close requests wake it

/// What one side says about itself. Written by that side, apart from `waiting`, which the peer clears when it wakes. All are
/// written rarely, so that the peer can read them with every message.
struct alignas(64) SideWords {
  std::atomic<std::uint32_t> waiting;         // 0: awake; else what a wake-up call is wanted for
  std::atomic<std::int32_t> processor;        // where it ran when it last began to wait
  std::atomic<std::uint32_t> close_requests;  // how often this side asked the other to close
  std::atomic<std::uint32_t> stuck;           // blocked in a send with a full inbox
  std::atomic<std::uint32_t> overtakings;     // how often it sent what overtakes what it had sent before
  std::atomic<std::uint32_t> copies_loans;    // 1: it cannot map what it is lent, and reads it through the descriptor
};
static_assert(sizeof(SideWords) == 64 && offsetof(SideWords, close_requests) == 8 &&
              std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace coproc::inline v0::link
