// Owns one file descriptor.
//
// Thread safety: one thread at a time.
// Invariants: close is called once and never retried. On Linux the descriptor is gone even if close reports EINTR,
// and a second close could hit a descriptor that another thread has just been given. A number that leads to another
// file by now is not closed: the program has closed all descriptors that it does not know (closefrom, close_range).
#pragma once

#include <cstdint>
#include <utility>

namespace coproc::inline v0::os {

class [[nodiscard]] Fd {
 public:
  Fd() noexcept = default;
  explicit Fd(int fd) noexcept { own(fd); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)), device_(other.device_), inode_(other.inode_) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this == &other) return *this;
    if (fd_ != other.fd_) close();  // else the program had closed this one, and the system has given its number again
    fd_ = std::exchange(other.fd_, -1);
    device_ = other.device_;
    inode_ = other.inode_;
    return *this;
  }
  ~Fd() { close(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Whether the number still leads to the file that it led to at first, as far as the kernel tells files apart. If
  /// not, the program has closed it, and it may lead to another file. Ask before writing anything that would do harm
  /// in a file of the program's own.
  bool is_own() const noexcept;
  /// Gives up ownership and returns the descriptor.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes the descriptor that it has, keeps errno, and owns `fd` from now on.
  void reset(int fd = -1) noexcept {
    if (fd_ != fd) close();  // as above
    own(fd);
  }

 private:
  void own(int fd) noexcept;
  void close() noexcept;

  int fd_ = -1;  // -1: none
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
};

/// The same open file at a number above 2. If a host's stdin is closed, its next descriptor gets number 0, over which
/// a worker's stdin would then be put. Throws std::system_error.
Fd above_stdio(Fd fd);

}  // namespace coproc::inline v0::os
