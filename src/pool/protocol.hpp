// What a pool and its workers say to each other. All messages go through the default channel.
//
//   to a worker                                          priority
//     function   number, code, function, data               0      before its first task
//     forget     numbers of functions                       0      these are not used any more
//     tasks      function, first serial, count, time limit, arguments of each      0
//     skip       Serials                                   -1      these shall not be run any more
//   to the host
//     ready      -                                                 the init function has returned
//     result     ResultHead, then the value or the error           one for each task, in the order of the serials
//
// The host names code, as in a start request; it takes no names from a worker.
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

/// Tasks of one worker, both ends included.
struct Serials {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// The types of the messages, as the link knows them.
struct MessageToPoolWorker {};
struct MessageFromPoolWorker {};

inline constexpr std::int64_t kTaskPriority = 0;
inline constexpr std::int64_t kSkipPriority = -1;

/// What ends a worker whose task has run out of time. Its default action is to end the process, and hardly anybody uses
/// it.
inline int time_limit_signal() noexcept { return SIGRTMAX; }

/// Asks a worker to end itself if it runs the task with this serial (the signal's value): no other task can be hit by
/// it.
inline int cancel_signal() noexcept { return SIGRTMAX - 1; }

/// For so long after a result that may have woken the host a worker publishes others without a wake-up, except for the
/// last of what it was sent together.
inline constexpr std::int64_t kQuietFor = 1'000'000;  // ns

/// A message that `put` writes, which is called with an encoder.
template <class Message, class Put>
detail::Outgoing message(const Put& put, std::optional<std::int64_t> priority = {}) noexcept {
  static constexpr detail::OutgoingTraits kType{
      [](Encoder& encoder, const void* p) { (*static_cast<const Put*>(p))(encoder); }, &type_info<Message>, 64, false};
  detail::Outgoing out{&put, &kType, std::nullopt};
  if (priority) out.priority = Priority(*priority);
  return out;
}

}  // namespace coproc::inline v0::pool
