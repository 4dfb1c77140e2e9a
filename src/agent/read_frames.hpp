// How a near end reads the wire to its far end.
//
// Thread safety: that of the wire.
#pragma once

#include <cstdint>

#include "agent/launch.hpp"
#include "os/clock.hpp"

namespace coproc::inline v0::agent {

/// When an end last began to read from the wire, and when it last had read something (os::boottime_ns). What lies
/// between them is the silence of the other end.
struct Hearing {
  std::int64_t listened = 0;
  std::int64_t heard = 0;
};

/// What one look at the wire has found.
struct WireLook {
  bool is_alive;  // more may come
  bool is_full;   // more may be there already, for which there was no room
};

/// Takes in what has come, and calls `take(frame)` for each whole frame of it. Throws wire::BrokenWire.
template <class Door, class Take>
WireLook read_frames(Launch& launch, Door& door, Hearing& hearing, Take take) {
  WireStream* const wire = launch.wire();
  const std::size_t before = wire->intake().bytes().size();
  hearing.listened = os::boottime_ns();
  const bool is_alive = wire->fill();
  const bool any = wire->intake().bytes().size() != before;
  const bool is_full = wire->intake().is_full();
  auto bytes = wire->intake().bytes();
  while (launch.take_beginning(bytes) && launch.is_open()) {
    const auto frame = door.next(bytes);
    if (!frame) break;
    take(*frame);
  }
  wire->intake().keep(bytes);
  if (any) hearing.heard = os::boottime_ns();
  return {is_alive, is_full};
}

}  // namespace coproc::inline v0::agent
