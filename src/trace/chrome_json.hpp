// Chrome's trace format ("Trace Event Format", JSON object form), which Perfetto's viewer and chrome://tracing read.
//
// Thread safety: a free function.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "trace/collected.hpp"

namespace coproc::inline v0::trace {

/// Draws all of it, as JSON that `write` takes piece by piece, since it may be a few hundred megabytes. Returns the
/// number of arrows. Events of workers are only text and numbers by now, of which any may be wrong: what makes no
/// sense, as an end without a begin, is left out. Sorts the events by their times. Throws std::bad_alloc, and what
/// `write` throws.
std::uint64_t draw(Collected& collected, const std::function<void(std::string_view)>& write);

}  // namespace coproc::inline v0::trace
