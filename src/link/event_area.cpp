#include "link/event_area.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

#include "coproc/detail/foreign_text.hpp"

namespace coproc::inline v0::link {

namespace {

/// The names, each read once, and only those that an event names.
class Names {
 public:
  explicit Names(const EventNameWords* words) : words_(words), texts_(kEventNames) {}

  const std::string& at(std::uint32_t number) {
    std::optional<std::string>& text = texts_[number];
    if (!text) text = number == 0 ? std::string() : read(words_[number]);
    return *text;
  }

 private:
  static std::string read(const EventNameWords& words) {
    std::array<char, kEventNameBytes> bytes;
    for (std::size_t i = 0; i < bytes.size() / 8; ++i) {
      const std::uint64_t word = words.text[i].load(std::memory_order_relaxed);  // relaxed: ordered by the event
      std::memcpy(bytes.data() + 8 * i, &word, sizeof word);
    }
    const auto end = std::find(bytes.begin(), bytes.end() - 1, '\0');  // the last byte is none of the text
    return detail::in_one_line({bytes.data(), static_cast<std::size_t>(end - bytes.begin())});
  }

  const EventNameWords* words_;
  std::vector<std::optional<std::string>> texts_;
};

}  // namespace

NotedEvents read_events(std::span<std::byte> area, EventShape shape, std::uint64_t behind) {
  NotedEvents noted;
  if (shape.events == 0) return noted;
  const EventWords* const ring = event_ring(area);
  Names names(event_names(area));
  std::uint64_t last = behind;
  for (std::uint32_t place = 0; place < shape.events; ++place) {
    const EventWords& words = ring[place];
    const std::uint64_t number = words.number.load(std::memory_order_acquire);  // pairs with EventWriter::note()
    // Each place holds its own numbers only, so that none comes twice.
    if (number <= behind || ((number - 1) & (shape.events - 1)) != place) continue;
    last = std::max(last, number);
    const std::uint64_t time = words.time.load(std::memory_order_relaxed);  // relaxed: all three are ordered by the
    const std::uint64_t what = words.what.load(std::memory_order_relaxed);  // acquire above and the fence below
    const std::uint64_t id = words.id.load(std::memory_order_relaxed);
    // Pairs with the fence in EventWriter::note(): if any of these is of a later event, then so is the number, or 0.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (words.number.load(std::memory_order_relaxed) != number) continue;
    const auto kind = static_cast<std::uint8_t>(what);
    const auto name = static_cast<std::uint32_t>(what >> 8) & 0xffffff;
    constexpr std::uint64_t kLatest = std::numeric_limits<std::int64_t>::max();
    if (kind == 0 || kind > static_cast<std::uint8_t>(kLastEventKind) || name >= kEventNames || time > kLatest)
      continue;
    noted.events.push_back({static_cast<std::int64_t>(time), static_cast<EventKind>(kind),
                            static_cast<std::uint32_t>(what >> 32), id, number, names.at(name)});
  }
  std::ranges::sort(noted.events, {}, &NotedEvent::number);
  noted.missing = last - behind - noted.events.size();
  return noted;
}

}  // namespace coproc::inline v0::link
