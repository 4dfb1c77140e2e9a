// The memory in which one end of a link keeps what it did last, so that the other finds it, whatever the first one's
// end was.
//
//   offset  what
//        0  256 names of 48 bytes; behind a name there are zeros. Number 0 stands for no name
//    12288  a ring of events of 32 bytes: time, what, id, number
//
// Security considerations: the end that it is of can write anything there. read_events() loads each word once and
// checks the copy: kinds and numbers of names in range, texts without control characters. It believes no length, and
// what it returns is no more than the ring can hold.
//
// Thread safety: read_events(): any thread, while others write.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "link/loan_allocator.hpp"

namespace coproc::inline v0::link {

/// The order of the first eleven is that of WorkerEvent::What, one higher.
enum class EventKind : std::uint8_t {
  none,
  received_message,
  received_request,
  received_reply,
  sent_message,
  sent_request,
  sent_reply,
  began_wait,
  ended_wait,
  began_span,  // its id is that of the span, among those of its process
  ended_span,
  mark,
};
inline constexpr EventKind kLastEventKind = EventKind::mark;

inline constexpr std::uint32_t kEventNames = 256;
inline constexpr std::size_t kEventNameBytes = 48;
inline constexpr std::uint32_t kLeastEvents = 16;
inline constexpr std::uint32_t kMostEvents = 1u << 20;

/// A name that was given a number is never changed.
struct EventNameWords {
  std::atomic<std::uint64_t> text[kEventNameBytes / 8];
};
struct EventWords {
  std::atomic<std::uint64_t> time;    // CLOCK_MONOTONIC, in nanoseconds
  std::atomic<std::uint64_t> what;    // kind (8 bits), number of the name (24), thread (32)
  std::atomic<std::uint64_t> id;      // of a request or span
  std::atomic<std::uint64_t> number;  // from 1 on; 0: it is being written. Its place follows from the number
};
static_assert(sizeof(EventNameWords) == 48 && sizeof(EventWords) == 32);

struct EventShape {
  std::uint32_t events = 0;  // a power of two; 0: there are none

  /// The shape for this wish of a user.
  static constexpr EventShape for_wish(std::size_t wish) noexcept {
    return {wish == 0 ? 0 : std::bit_ceil(wish < kLeastEvents ? kLeastEvents : static_cast<std::uint32_t>(wish))};
  }
  constexpr bool is_possible() const noexcept {
    return events == 0 || (std::has_single_bit(events) && events >= kLeastEvents && events <= kMostEvents);
  }
  constexpr std::size_t bytes() const noexcept {
    return events == 0 ? 0 : in_loan_pages(kEventNames * sizeof(EventNameWords) + events * sizeof(EventWords));
  }
};

inline EventNameWords* event_names(std::span<std::byte> area) noexcept {
  return reinterpret_cast<EventNameWords*>(area.data());
}
inline EventWords* event_ring(std::span<std::byte> area) noexcept {
  return reinterpret_cast<EventWords*>(area.data() + kEventNames * sizeof(EventNameWords));
}

struct NotedEvent {
  std::int64_t time;  // not negative
  EventKind kind;     // not `none`
  std::uint32_t thread;
  std::uint64_t id;
  std::uint64_t number;
  std::string name;
};
struct NotedEvents {
  std::vector<NotedEvent> events;  // by their numbers, of which each is there once
  std::uint64_t missing = 0;       // how many of those behind `behind` were overwritten, or are not legible
  std::uint64_t until = 0;         // the next look is for those behind this number
};
enum class Look : std::uint8_t {
  more_follow,  // it ends before an event that is being written, which the next look finds
  last,         // it passes over what is not there
};
/// What was noted behind the event of this number, 0 for all that is there. Throws std::bad_alloc.
NotedEvents read_events(std::span<std::byte> area, EventShape shape, std::uint64_t behind, Look look = Look::last);

}  // namespace coproc::inline v0::link
