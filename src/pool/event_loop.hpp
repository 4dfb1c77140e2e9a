// What a pool has once its host has asked for its native handle: one descriptor for the host's own event loop.
//
// It is an epoll of the descriptors of the workers' links, of a timer for what is due at a time, and of an event for
// what other calls and threads have done.
//
// Thread safety: guarded by the pool's mutex.
// Invariants: a link's descriptor is removed before the link is destroyed, because its number may then lead elsewhere.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "os/epoll.hpp"
#include "os/event.hpp"
#include "os/fork_guard.hpp"
#include "os/timer_fd.hpp"

namespace coproc::inline v0::pool {

class EventLoop final : public os::ForkSensitive {
 public:
  /// Throws std::system_error. REQUIRES: the calling thread holds an os::ForkLock.
  explicit EventLoop(std::size_t slots);
  ~EventLoop() override;

  /// The descriptor for the host's loop.
  int fd() const noexcept { return epoll_.fd(); }

  bool is_watching(std::size_t slot) const noexcept { return links_[slot].fd >= 0; }
  /// Throws std::system_error.
  void watch(std::size_t slot, int link);
  void stop_watching(std::size_t slot) noexcept;
  /// Checks which links are readable, without waiting. `is_readable` says it of each of them until the next call.
  void look() noexcept;
  bool is_readable(std::size_t slot) const noexcept { return links_[slot].revents != 0; }

  /// Makes the descriptor readable at this time (on the host's clock, in ns), or not by time alone (kNever). It may be
  /// readable earlier, once, at a time that was set before: so a time that moves away with every task costs no system
  /// call.
  void set_due(std::int64_t at) noexcept;

  /// Makes the descriptor readable until `clear` is called.
  void make_readable() noexcept;
  void clear() noexcept;

  /// Something has changed that the loop's next poll() has to report. `make_readable` is called once nothing else is to
  /// be done.
  bool has_news = true;  // at first the loop looks at what there is
  /// When the pool looked at all links last.
  std::int64_t looked_at = 0;

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

 private:
  void leave_in_child() noexcept override;

  os::Epoll epoll_;
  os::TimerFd timer_;
  os::Event event_;
  std::vector<pollfd> links_;  // by slot; without a descriptor if it is not watched
  std::int64_t due_ = kNever;  // what the timer is set to
  bool is_event_set_ = false;

  os::ForkRegistration registration_{*this};
};

}  // namespace coproc::inline v0::pool
