// An eventfd as a flag that poll and epoll can wait for: readable exactly while it is set.
//
// Thread safety: set() may be called from any thread and any signal handler, at any time of the object's life, also
// while it is closed. The rest is for one thread.
#pragma once

#include <atomic>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

class Event {
 public:
  /// Throws std::system_error.
  Event() { open(); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { close(); }

  /// Opens it again after close(). Throws std::system_error.
  void open();
  /// Closes the descriptor. Waits for threads that are in set().
  void close() noexcept;
  /// The same in a forked child, which does not have the threads that were in set().
  void close_in_child() noexcept {
    setters_.store(0, std::memory_order_relaxed);  // relaxed: there is one thread
    close();
  }
  void set() noexcept;
  /// Clears the flag. Returns false if the program has closed the descriptor.
  bool clear() noexcept;
  /// Whether the descriptor is open and still this object's: false also if the program has closed it.
  bool is_own() const noexcept { return fd_.is_own(); }
  /// The descriptor; -1 if it is closed.
  int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
  std::atomic<bool> is_open_{false};
  std::atomic<int> setters_{0};
};

}  // namespace coproc::inline v0::os
