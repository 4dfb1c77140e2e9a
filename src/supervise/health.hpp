// Decides whether a worker hangs, by what is seen of it from time to time.
//
// Its clock and what is seen are passed in, so that it can be tested without waiting: all times are in ns, of one
// clock.
//
// Thread safety: none; for the thread that drives.
// Invariants: a clock runs while its limit could be reached. What is stopped, or traced, stops all clocks. They all
// begin anew if a look comes late, since then this process was stopped itself, or had no processor.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "coproc/exit_status.hpp"
#include "coproc/health.hpp"

namespace coproc::inline v0::supervise {

/// What is seen of a worker at one moment. Numbers of the worker's own are only compared with earlier ones.
struct HealthSample {
  bool is_stopped = false;          // or has a tracer
  bool is_asleep = false;           // its first thread is
  bool waits_for_records = false;   // it has read everything
  bool is_blocked_by_host = false;  // in a send, since the host does not read
  bool has_unread = false;
  std::uint64_t has_read = 0;  // how far
  std::uint64_t has_sent = 0;
  std::uint64_t beats = 0;
  struct Request {
    std::uint64_t id;
    bool is_stream = false;  // it is answered in parts
  };
  std::vector<Request> in_hand = {};
};

enum class HealthState {
  idle,             // it waits for messages, and has nothing in hand
  busy,             // its first thread runs
  blocked,          // its first thread sleeps
  blocked_by_host,  // in a send
  stopped,
  hung,
};

class Health {
 public:
  /// Throws InvalidArgumentError for a limit that is not longer than 0.
  explicit Health(const HealthOptions& options);

  /// Whether there is any limit.
  bool has_limits() const noexcept;
  bool has_reply_limit() const noexcept { return reply_ != kNone; }
  bool has_unread_limit() const noexcept { return unread_ != kNone; }
  /// How often to look: a quarter of the smallest limit, from 10 ms to 1 s.
  std::int64_t period() const noexcept { return period_; }

  /// There is another worker.
  void begin() noexcept;
  HealthState look(std::int64_t now, const HealthSample& seen);
  /// Why it hangs, after a look that has found that. `doing` and `note` are left to the caller.
  const Hang& hang() const noexcept { return hang_; }

 private:
  static constexpr std::int64_t kNone = std::chrono::nanoseconds::max().count();

  struct InHand {
    std::uint64_t id;
    std::int64_t since;
  };
  void begin_anew(std::int64_t now) noexcept;
  void move_clocks(std::int64_t by) noexcept;
  void note(std::int64_t now, const HealthSample& seen);
  bool is_over(std::int64_t now, const std::optional<std::int64_t>& since, std::int64_t limit, Hang::Why why) noexcept;

  std::int64_t unread_, reply_, beat_;
  std::int64_t period_;
  std::optional<std::int64_t> last_look_;
  bool was_stopped_ = false;
  std::optional<std::int64_t> unread_since_, beat_since_;  // nullopt: the clock does not run
  std::vector<InHand> in_hand_;                            // sorted by id
  std::uint64_t has_read_ = 0, has_sent_ = 0, beats_ = 0;  // at the last look
  Hang hang_;
};

}  // namespace coproc::inline v0::supervise
