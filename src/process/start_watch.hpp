// One descriptor for a start that an event loop waits for: an epoll of what the start waits for now, and of a timer for
// the end of its time.
//
// Thread safety: one thread at a time.
// Invariants: a descriptor that is watched is open. It is let go of before it is closed, because its number may then
// lead elsewhere.
#pragma once

#include <array>
#include <vector>

#include "os/clock.hpp"
#include "os/epoll.hpp"
#include "os/fork_guard.hpp"
#include "os/timer_fd.hpp"

namespace coproc::inline v0::process {

class StartWatch final : public os::ForkSensitive {
 public:
  /// Throws std::system_error.
  StartWatch() : StartWatch(os::ForkLock()) {}
  ~StartWatch() override;

  int fd() const noexcept { return epoll_.fd(); }
  /// fd() becomes readable when one of these does (-1: there is none), or when the time is over. Throws
  /// std::system_error.
  void watch(const std::array<int, 3>& fds, const os::Deadline& deadline);
  /// Lets go of the descriptors that are watched.
  void let_go() noexcept;
  /// Makes fd() readable from now on. Throws std::system_error.
  void make_readable() { timer_.set(std::chrono::nanoseconds::zero()); }

 private:
  explicit StartWatch(const os::ForkLock& no_fork_before_it_is_registered);
  void leave_in_child() noexcept override;

  os::Epoll epoll_;
  os::TimerFd timer_;
  std::vector<int> watched_;
  os::ForkRegistration registration_{*this};
};

}  // namespace coproc::inline v0::process
