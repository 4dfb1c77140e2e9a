// Chrome's trace format ("Trace Event Format", JSON object form), which Perfetto's viewer and chrome://tracing read.
//
// Thread safety: a free function.
#pragma once

#include <cstdint>
#include <string>

#include "trace/collected.hpp"

namespace coproc::inline v0::trace {

struct Drawn {
  std::string json;
  std::uint64_t arrows;
};
/// Draws all of it. Events of workers are only text and numbers by now, of which any may be wrong: what makes no sense,
/// as an end without a begin, is left out. Sorts the events by their times. Throws std::bad_alloc.
Drawn draw(Collected& collected);

}  // namespace coproc::inline v0::trace
