// The words by which a worker tells its host that it is getting on: how often it has beaten, and what it said last.
//
// Security considerations: the worker can write anything there. The count is only compared with earlier ones, and the
// note is a text of a stranger.
//
// Thread safety: `beat` may be called by any thread of the worker, and in a signal handler. `look_at_beats`: any
// thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coproc::inline v0::link {

/// The longest note in bytes. What is longer is cut.
inline constexpr std::size_t kBeatNoteBytes = 40;

/// Written by end 1. All accesses are relaxed: the host looks at them from time to time, and a note that it finds half
/// written is only a worse note.
struct BeatWords {
  std::atomic<std::uint64_t> count;
  std::array<std::atomic<std::uint64_t>, kBeatNoteBytes / 8> note;  // behind its end there are zeros
};
static_assert(sizeof(BeatWords) == 48 && std::atomic<std::uint64_t>::is_always_lock_free);

/// From now on beats of this process go there.
void beat_into(BeatWords& words) noexcept;
/// If beats go there, they go nowhere from now on, since that memory is going to be unmapped.
void stop_beats_into(const BeatWords& words) noexcept;
/// Counts a beat. If another thread beats at this moment, that is enough. Does nothing in a process that has forked off
/// the worker, and where beat_into() was not called.
void beat(std::string_view note) noexcept;

struct Beats {
  std::uint64_t count;
  std::string note;  // any bytes
};
Beats look_at_beats(const BeatWords& words);

}  // namespace coproc::inline v0::link
