// Where this process notes its spans and marks: in a worker, the memory that it shares with its host; and where there
// is a Trace, that of the Trace.
//
// Thread safety: any thread. A place is given or taken away by one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "link/event_writer.hpp"

namespace coproc::inline v0::link {

enum class EventPlace : std::uint8_t { worker, trace };
inline constexpr std::size_t kEventPlaces = 2;

/// From now on spans of this process are noted there, too.
void note_spans_in(EventPlace place, EventWriter& writer) noexcept;
/// If spans are noted there in this process, they are not from now on, and nobody uses the writer any more.
void note_spans_no_more_in(const EventWriter& writer) noexcept;

/// The numbers of a name, by the places.
using EventNumbers = std::array<std::uint32_t, kEventPlaces>;
/// Notes the begin of a span, and returns its id; 0: it was noted nowhere.
std::uint64_t begin_span(std::string_view name, EventNumbers& numbers) noexcept;
void end_span(std::uint64_t id, const EventNumbers& numbers) noexcept;
void note_mark(std::string_view name) noexcept;

}  // namespace coproc::inline v0::link
