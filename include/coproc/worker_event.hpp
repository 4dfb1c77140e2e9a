// What a worker did before its end, as it noted by itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// Something that a worker did. It is the worker's own word for it, and no more.
struct WorkerEvent {
  enum class What : std::uint8_t {
    received_message,  // all three: a receive has returned it
    received_request,
    received_reply,
    sent_message,
    sent_request,
    sent_reply,
    began_wait,  // for its host, in a call that had nothing to do
    ended_wait,
    began_span,  // a coproc::Span
    ended_span,
    mark,  // coproc::mark()
  };
  What what = What::mark;
  /// The name of a span or mark, or the type of a message: 47 bytes at most, without control characters. Empty for
  /// waits, and for an error that answers a request.
  std::string name = {};
  /// The number of a request or of its reply, which the host knows, too; otherwise 0.
  std::uint64_t id = 0;
  /// How long it was before the host noticed the worker's end.
  std::chrono::nanoseconds before_end{0};
  bool operator==(const WorkerEvent&) const = default;

  /// "received Order 17", "began "parse"".
  COPROC_API std::string describe() const;
};

}  // namespace coproc::inline v0
