// Which state the next worker is given: the newest one that a worker has saved, unless workers end by it.
//
// A worker ends by a state if it was given it, and ends soon without having saved another one or answered anything.
//
// Thread safety: none; used by the thread that drives.
// Invariants: while `state_` is null, `ends_` is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "coproc/restart.hpp"
#include "messenger/saved_states.hpp"

namespace coproc::inline v0::supervise {

class StateKeeper {
 public:
  using State = std::shared_ptr<const detail::SavedState>;

  explicit StateKeeper(const RestartOptions& options)
      : attempts_(options.state_attempts), soon_(options.backoff.reset_after.count()) {}

  /// A worker was started, at this time in ns, with state(). All starts are noted.
  void note_start(std::int64_t now) noexcept {
    last_start_ = now;
    was_dropped_ = false;
  }
  /// The last worker has ended. `saved`: the newest state that it has saved, or null.
  void note_end(std::int64_t now, State saved, bool has_answered) noexcept {
    if (saved != nullptr) {
      state_ = std::move(saved);
      ends_ = 0;
    } else if (has_answered || now - last_start_ >= soon_) {
      ends_ = 0;
    } else if (state_ != nullptr && ++ends_ >= attempts_) {
      state_ = nullptr;
      ends_ = 0;
      was_dropped_ = true;
    }
  }
  /// Null: the next worker is given none.
  const State& state() const noexcept { return state_; }
  /// Whether the last worker, or one before it, has ended by a state that was dropped then.
  bool was_dropped() const noexcept { return was_dropped_; }

 private:
  std::size_t attempts_;  // constant after construction
  std::int64_t soon_;     // constant after construction
  std::int64_t last_start_ = 0;
  State state_;
  std::size_t ends_ = 0;  // of workers in a row that have ended by state_
  bool was_dropped_ = false;
};

}  // namespace coproc::inline v0::supervise
