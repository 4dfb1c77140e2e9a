// What a program and its workers do over time, as a file for a viewer. This header is not part of coproc.hpp.
//
//   coproc::Trace trace("run.json");   // before the workers are started
//
// Open the file at ui.perfetto.dev, or in chrome://tracing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "coproc/export.hpp"
#include "coproc/span.hpp"

namespace coproc::inline v0 {

namespace trace {
class Recorder;
}

struct TraceOptions {
  /// How many events each end of a link, and this process for its spans, can keep between two looks. Rounded up to a
  /// power of two, at least 16 and at most 1,048,576; each takes 32 bytes. A worker with more `events` of its own keeps
  /// those.
  std::size_t events = 16384;
  /// How many events are kept for the file, in all. Later ones are counted, and not kept. A worker's link gets no more
  /// of them than it leaves to others: with one worker, half of them. Each takes 48 bytes of memory, some 130 more
  /// while the file is written, and some 150 in the file.
  std::size_t most_events = 1'000'000;
};

/// What a trace holds. What could not be kept is in the file, too, as "overwritten_events" and "left_out_events".
struct TraceSummary {
  std::uint64_t events = 0;
  std::uint64_t overwritten = 0;  ///< by later ones, before anybody looked
  std::uint64_t left_out = 0;     ///< since there was no room in `most_events`
  std::uint64_t arrows = 0;       ///< requests, each drawn from its sender to its answer
  bool operator==(const TraceSummary&) const = default;
};

/// Records what the workers that are started while it exists do, and what this process does with them: the messages
/// with arrows from each request to its reply, waits, and each Span. At its end it writes a file in Chrome's trace
/// format. Workers on other machines are not in it.
///
/// It reads what both sides note when a worker is started again or destroyed, when the host has filled half of its
/// place, at `collect()`, and at its end. A worker that notes far more than its host overwrites what was not read yet;
/// then the file says how much is missing.
///
/// Thread safety: `collect()` may be called by any thread, the others by one at a time. In a process that was forked it
/// does nothing.
class COPROC_API Trace {
 public:
  /// `path`: of the file, whose contents are replaced at the end. Throws InvalidArgumentError if this process has a
  /// Trace already, or if the options are impossible.
  explicit Trace(std::string path, TraceOptions options = {});
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  /// As finish(), but if the file cannot be written, nothing says so.
  ~Trace();

  /// Reads what was noted so far. Waits for no process.
  void collect();
  /// Ends the trace and writes the file. A second call only returns the same again. Throws Error if the file cannot be
  /// written; then another call tries it again.
  TraceSummary finish();

 private:
  std::string path_;
  std::unique_ptr<trace::Recorder> recorder_;
  std::optional<TraceSummary> written_;
};

}  // namespace coproc::inline v0
