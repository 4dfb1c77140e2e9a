// What a worker there has printed, on its way into a descriptor of this process.
//
// A reader that is slow holds up nothing but this. The descriptor is shared with others, so that it cannot be made not
// to wait: a pipe or a terminal is opened anew, and a socket is asked not to wait in each call. Where that is not
// possible, it is written to only when it is ready, and then no more than a pipe takes at once.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "os/fd.hpp"

namespace coproc::inline v0::agent {

class OutputWriter {
 public:
  explicit OutputWriter(int fd) noexcept;

  void put(std::span<const std::byte> bytes);
  /// Writes what can be written now, and returns how much less there is.
  std::size_t flush();
  void drop() noexcept;
  bool is_empty() const noexcept { return waiting_.empty(); }
  /// For POLLOUT; -1: there is nothing to write.
  int fd_if_waiting() const noexcept { return waiting_.empty() ? -1 : fd_; }

 private:
  bool is_ready() const;

  os::Fd own_;  // none: there is none for this kind of file
  int fd_;      // what is written to
  bool is_socket_;
  bool is_over_ = false;  // nobody reads it any more
  std::deque<std::vector<std::byte>> waiting_;
  std::size_t at_ = 0;  // what has been written of the first
};

}  // namespace coproc::inline v0::agent
