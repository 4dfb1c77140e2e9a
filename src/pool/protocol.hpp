// The messages between a pool and its workers. All of them go through the default channel.
//
//   to a worker                                          priority
//     function   number, code, function, data               0      before its first task
//     forget     numbers of functions                       0      the worker may drop these functions
//     tasks      function, first serial, count, time limit, arguments of each      0
//     skip       Serials                                   -1      the worker must not begin these tasks any more
//   to the host
//     ready      -                                                 the init function has returned
//     result     ResultHead, then the value or the error           one for each task, in the order of the serials
//
// Only the host names code, as in a start request. It accepts no names from a worker.
//
// Thread safety: values.
#pragma once

#include <signal.h>

#include <cstdint>

#include "coproc/codec.hpp"
#include "coproc/messenger.hpp"

namespace coproc::inline v0::pool {

enum class ToWorker : std::uint8_t { function, forget, tasks, skip };
enum class ToHost : std::uint8_t { ready, result };
enum class Outcome : std::uint8_t { value, error, skipped };

struct ResultHead {
  std::uint64_t serial = 0;
  std::uint64_t work_ns = 0;
  Outcome outcome = Outcome::value;
};

/// A range of tasks of one worker, including `last`.
struct Serials {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// The types under which the messages travel.
struct MessageToPoolWorker {};
struct MessageFromPoolWorker {};

inline constexpr std::int64_t kTaskPriority = 0;
inline constexpr std::int64_t kSkipPriority = -1;

/// The signal that kills a worker whose task exceeds its time limit. It is one that programs seldom use, and its
/// default action ends the process.
inline int time_limit_signal() noexcept { return SIGRTMAX; }

/// The signal by which a worker is asked to kill itself if it runs a cancelled task. Its value is the serial of the
/// task, so that no other task can be hit.
inline int cancel_signal() noexcept { return SIGRTMAX - 1; }

/// For this long after a result that may have woken the host a worker publishes further results without a wake-up,
/// except for the last result of a chunk.
inline constexpr std::int64_t kQuietFor = 1'000'000;  // ns

/// Makes a message whose bytes `put` writes to an encoder.
template <class Message, class Put>
detail::Outgoing message(const Put& put, std::optional<std::int64_t> priority = {}) noexcept {
  static constexpr detail::OutgoingTraits kType{
      [](Encoder& encoder, const void* p) { (*static_cast<const Put*>(p))(encoder); }, &type_info<Message>, 64, false};
  detail::Outgoing out{&put, &kType, std::nullopt};
  if (priority) out.priority = Priority(*priority);
  return out;
}

}  // namespace coproc::inline v0::pool
