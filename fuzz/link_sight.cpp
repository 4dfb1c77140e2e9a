// Whatever stands in memory that is called a link's, who looks at it from outside refuses it with a reason, or sees
// sizes and positions that lie within it, and no more messages than there is room for.
//
// The input is the header of a link, and behind it what is read of a ring.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "check.hpp"
#include "link/link_sight.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace link = coproc::link;
  std::array<std::byte, link::kSightBytes> header{};
  const std::size_t given = std::min(size, header.size());
  if (given != 0) std::memcpy(header.data(), data, given);
  const auto records = std::as_bytes(std::span(data, size)).subspan(given);

  const link::LinkLook look = link::sight_of(header);
  fuzz::demand(look.sight.has_value() == look.refusal.empty(), "it is neither seen nor refused, or both");
  const std::uint64_t ring_bytes = look.sight ? look.sight->ring_bytes : coproc::ring::kMinBytes;
  for (const int from : {0, 1}) {
    if (!look.sight) break;
    const link::RingSight& ring = look.sight->ring[from];
    fuzz::demand(ring.unread <= ring_bytes, "more is unread than the ring has room for");
    const std::uint64_t begin = look.sight->place_of(from, ring.tail - ring.unread);
    const std::uint64_t first = link::kHeaderPage + static_cast<std::uint64_t>(from) * ring_bytes;
    fuzz::demand(begin >= first && begin < first + ring_bytes, "a position lies outside of its ring");
    (void)look.sight->is_blocked(from);
  }
  std::array<std::byte, link::kRestartBytes> note{};
  if (size != 0) std::memcpy(note.data(), data, std::min(size, note.size()));
  const auto restart = link::restart_of(note);
  fuzz::demand(!restart || (restart->number != 0 && restart->text.size() < note.size()), "a restart that cannot be");

  const auto messages = link::count_messages(records, ring_bytes);
  fuzz::demand(messages.value_or(0) <= records.size() / 32, "more messages than there is room for");
  return 0;
}
