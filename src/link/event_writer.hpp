// Notes what one end of a link does, in the memory of event_area.hpp.
//
// Thread safety: any thread.
// Invariants: the numbers of events and names are kept here, and are never read back from the memory. A name is in the
// memory before any event refers to it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "link/event_area.hpp"
#include "os/mutex.hpp"

namespace coproc::inline v0::link {

class EventWriter {
 public:
  /// The area is all zeros.
  EventWriter(std::span<std::byte> area, EventShape shape);
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  /// The number of a name, which is the same for equal names. If there are too many, it is that of "(other)".
  std::uint32_t number_of(std::string_view name) noexcept;
  /// Notes an event of this thread, and of this moment or the one that is given, by os::now_ns().
  void note(EventKind kind, std::uint32_t name, std::uint64_t id) noexcept;
  void note(EventKind kind, std::uint32_t name, std::uint64_t id, std::int64_t time) noexcept;
  /// Calls `read` whenever half of the ring was written, so that nothing needs to be overwritten unread. `read` must
  /// not throw. Call before note().
  void when_half_full(std::function<void()> read) { when_half_full_ = std::move(read); }

 private:
  static constexpr std::uint32_t kOther = kEventNames - 1;

  void write_name(std::uint32_t number, std::string_view name) noexcept;

  EventNameWords* const names_;
  EventWords* const ring_;
  const std::uint32_t events_;
  std::atomic<std::uint64_t> noted_{0};
  std::function<void()> when_half_full_;
  os::Mutex mutex_;  // never held where another lock is taken, nor where user code is called; behind the ForkLock
  std::unordered_map<std::string, std::uint32_t> numbers_ COPROC_GUARDED_BY(mutex_);
};

}  // namespace coproc::inline v0::link
