#include "worker/last_events.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <span>
#include <utility>

namespace coproc::inline v0 {

using link::EventKind;
using What = WorkerEvent::What;

static_assert(static_cast<int>(What::mark) + 1 == static_cast<int>(EventKind::mark) &&
              static_cast<int>(What::received_message) + 1 == static_cast<int>(EventKind::received_message) &&
              static_cast<int>(What::began_span) + 1 == static_cast<int>(EventKind::began_span));

std::vector<WorkerEvent> last_events_of(const link::Link& host_link, std::int64_t now, std::size_t most) noexcept {
  std::vector<WorkerEvent> events;
  if (host_link.events() == nullptr) return events;
  try {
    link::NotedEvents all = host_link.events_of(1 - host_link.end(), 0);
    std::ranges::stable_sort(all.events, {}, &link::NotedEvent::time);  // a send is noted when it is done
    for (link::NotedEvent& noted : std::span(all.events).last(std::min(most, all.events.size()))) {
      const auto what = static_cast<What>(static_cast<std::uint8_t>(noted.kind) - 1);
      const bool is_span = what == What::began_span || what == What::ended_span;
      events.push_back({what, std::move(noted.name), is_span ? 0 : noted.id,
                        std::chrono::nanoseconds(std::max<std::int64_t>(now - noted.time, 0))});
    }
  } catch (const std::exception&) {
    // There is no memory for all of them. The end itself is more important.
  }
  return events;
}

}  // namespace coproc::inline v0
