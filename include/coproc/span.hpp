// What a program does, named, for ExitStatus::last_events and for traces.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// A stretch of time with a name, from the construction to the destruction. A worker with `WorkerOptions::events` notes
/// begin and end where its host finds them, even if the worker is killed in between. A `Trace` draws those of workers,
/// and those of its own process. Anywhere else a span does nothing.
///
///     coproc::Span span("parse");
///
/// Each process keeps 254 different names, of which it remembers the first 47 bytes; spans with further names are all
/// called "(other)". So name what is done, and not with what.
///
/// Thread safety: any thread makes its own.
class Span {
 public:
  COPROC_API explicit Span(std::string_view name) noexcept;
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  COPROC_API ~Span();

 private:
  std::uint64_t id_ = 0;                  // 0: it was noted nowhere
  std::array<std::uint32_t, 2> names_{};  // its numbers, in each place where it may be noted
};

/// Notes this moment under a name, as a Span would note its begin. Any thread.
COPROC_API void mark(std::string_view name) noexcept;

}  // namespace coproc::inline v0
