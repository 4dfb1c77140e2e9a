// An eventfd as a flag that poll and epoll can wait for: readable exactly while it is set.
//
// Thread safety: set() and clear() from any thread; close() while nobody else uses it.
#pragma once

#include "os/fd.hpp"

namespace coproc::inline v0::os {

class Event {
 public:
  /// Throws std::system_error.
  Event();

  void set() noexcept;
  void clear() noexcept;
  /// Gives the descriptor up before the destructor does.
  void close() noexcept { fd_.reset(); }
  int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace coproc::inline v0::os
