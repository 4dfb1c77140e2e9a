#include "link/event_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include "os/clock.hpp"
#include "os/fork_guard.hpp"
#include "os/thread_number.hpp"

namespace coproc::inline v0::link {

EventWriter::EventWriter(std::span<std::byte> area, EventShape shape)
    : names_(event_names(area)), ring_(event_ring(area)), events_(shape.events) {
  write_name(kOther, "(other)");
}

void EventWriter::write_name(std::uint32_t number, std::string_view name) noexcept {
  std::array<std::uint64_t, kEventNameBytes / 8> text{};
  if (!name.empty()) std::memcpy(text.data(), name.data(), std::min(name.size(), kEventNameBytes - 1));
  // relaxed: the release of the first event with this name shows it
  for (std::size_t i = 0; i < text.size(); ++i) names_[number].text[i].store(text[i], std::memory_order_relaxed);
}

std::uint32_t EventWriter::number_of(std::string_view name) noexcept {
  if (name.empty()) return 0;
  try {
    std::string key(name.substr(0, kEventNameBytes - 1));
    {
      const os::MutexLock lock(mutex_);
      if (const auto found = numbers_.find(key); found != numbers_.end()) return found->second;
      if (numbers_.size() + 1 == kOther) return kOther;
    }
    const os::ForkLock no_fork;  // a child that leaves the link destroys the map, which must be whole then
    const os::MutexLock lock(mutex_);
    if (const auto found = numbers_.find(key); found != numbers_.end()) return found->second;
    const auto number = static_cast<std::uint32_t>(numbers_.size()) + 1;
    if (number == kOther) return kOther;
    numbers_.emplace(key, number);
    write_name(number, key);
    return number;
  } catch (const std::exception&) {
    return 0;  // there is no memory for it
  }
}

void EventWriter::note(EventKind kind, std::uint32_t name, std::uint64_t id) noexcept {
  note(kind, name, id, os::now_ns());
}

void EventWriter::note(EventKind kind, std::uint32_t name, std::uint64_t id, std::int64_t time) noexcept {
  const std::uint64_t place = noted_.fetch_add(1, std::memory_order_relaxed);  // relaxed: the numbers must differ
  EventWords& words = ring_[place & (events_ - 1)];
  words.number.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);  // pairs with the fence in read_events()
  // relaxed: ordered by the fence before, and by the release after them
  words.time.store(static_cast<std::uint64_t>(time), std::memory_order_relaxed);
  words.what.store(static_cast<std::uint64_t>(kind) | std::uint64_t{name} << 8 |
                       static_cast<std::uint64_t>(os::thread_number()) << 32,
                   std::memory_order_relaxed);
  words.id.store(id, std::memory_order_relaxed);
  words.number.store(place + 1, std::memory_order_release);  // pairs with the acquire in read_events()
  if (when_half_full_ && (place + 1) % (events_ / 2) == 0) when_half_full_();
}

}  // namespace coproc::inline v0::link
