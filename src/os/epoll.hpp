// Several descriptors that can be waited for as one.
//
// Thread safety: one thread at a time.
#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

class Epoll {
 public:
  /// Throws std::system_error.
  Epoll();

  /// Level-triggered unless `events` (EPOLLIN, ...) says otherwise. Throws std::system_error.
  void add(int fd, std::uint32_t events);
  void remove(int fd);
  void close() noexcept { fd_.reset(); }
  /// Readable while one of its descriptors is ready.
  int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace coproc::inline v0::os
