#include "link/event_area.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

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

/// No writer gets as far. So numbers up to this one can be counted without a thought of overflow.
constexpr std::uint64_t kMostNumber = std::uint64_t{1} << 62;

/// The event of this number at its place, if it is legible.
std::optional<NotedEvent> read_event(const EventWords& words, std::uint64_t number, Names& names) {
  const std::uint64_t time = words.time.load(std::memory_order_relaxed);  // relaxed: all three are ordered by the
  const std::uint64_t what = words.what.load(std::memory_order_relaxed);  // caller's acquire and the fence below
  const std::uint64_t id = words.id.load(std::memory_order_relaxed);
  // Pairs with the fence in EventWriter::note(): if any of these is of a later event, then so is the number, or 0.
  std::atomic_thread_fence(std::memory_order_acquire);
  if (words.number.load(std::memory_order_relaxed) != number) return std::nullopt;
  const auto kind = static_cast<std::uint8_t>(what);
  const auto name = static_cast<std::uint32_t>(what >> 8) & 0xffffff;
  constexpr std::uint64_t kLatest = std::numeric_limits<std::int64_t>::max();
  if (kind == 0 || kind > static_cast<std::uint8_t>(kLastEventKind) || name >= kEventNames || time > kLatest)
    return std::nullopt;
  return NotedEvent{static_cast<std::int64_t>(time),
                    static_cast<EventKind>(kind),
                    static_cast<std::uint32_t>(what >> 32),
                    id,
                    number,
                    names.at(name)};
}

}  // namespace

NotedEvents read_events(std::span<std::byte> area, EventShape shape, std::uint64_t behind, Look look) {
  NotedEvents noted;
  noted.until = behind;
  if (shape.events == 0 || behind > kMostNumber) return noted;
  const EventWords* const ring = event_ring(area);
  Names names(event_names(area));
  const auto miss_until = [&](std::uint64_t number) {
    noted.missing += number - noted.until;
    noted.until = number;
  };
  // By numbers and not by places: the writer goes on meanwhile, and what is read then must not hide what came before.
  // The first round may only find out which events are the oldest ones.
  std::uint64_t next = behind + 1;
  for (std::uint64_t step = 0; step < 2 * std::uint64_t{shape.events} && next <= kMostNumber; ++step) {
    if (noted.events.size() == shape.events) break;
    const EventWords& words = ring[(next - 1) & (shape.events - 1)];
    const std::uint64_t number = words.number.load(std::memory_order_acquire);  // pairs with EventWriter::note()
    const bool is_of_place = number <= kMostNumber && ((number - next) & (shape.events - 1)) == 0;
    if (number < next || !is_of_place) {  // it is being written, or was never noted
      if (look == Look::more_follow) break;
      ++next;
    } else if (number > next) {  // it was overwritten, as all were that are a round older than this one
      miss_until(number - shape.events);
      next = noted.until + 1;
    } else {
      miss_until(number - 1);  // a last look has passed over them
      if (std::optional<NotedEvent> event = read_event(words, number, names)) {
        noted.events.push_back(std::move(*event));
        noted.until = number;
      } else {
        miss_until(number);
      }
      ++next;
    }
  }
  return noted;
}

}  // namespace coproc::inline v0::link
