// Refers to one process. Unlike a process number it is never reused.
//
// Thread safety: const operations from any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "os/clock.hpp"
#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// The outcome of sending a signal.
enum class Signalling {
  sent,
  ended,    // the process has ended and was reaped
  refused,  // the system does not let this process signal that one, which has other rights by now
};

/// The outcome of a system call that sends a signal, from its result and errno; nullopt: it failed for another
/// reason.
std::optional<Signalling> outcome_of_signal(long result) noexcept;

class [[nodiscard]] Pidfd {
 public:
  Pidfd() noexcept = default;
  explicit Pidfd(Fd fd) noexcept : fd_(std::move(fd)) {}
  /// Throws std::system_error; ESRCH if the process has ended and was reaped, ENOSYS or EPERM if !can_open().
  static Pidfd open(pid_t pid);
  /// Whether the system has open(). Valgrind 3.19 has not, and filters may refuse it. Then the next two may help.
  static bool can_open() noexcept;
  /// From now on messages through this socket carry their sender's pidfd. Throws std::system_error.
  static void ask_for_senders(const Fd& socket);
  /// Waits for one byte, at most until `deadline`, and returns the process that sent it. Needs Linux 6.5. Throws
  /// std::system_error; ESRCH if nobody can send any more, ETIMEDOUT.
  static Pidfd of_sender(const Fd& socket, const Deadline& deadline);

  /// Whether the process, with all of its threads, has ended; false if poll fails.
  bool is_ended() const noexcept;
  /// Throws std::system_error.
  Signalling send_signal(int signal) const;
  /// The same with a value, which is passed to its handler. Throws std::system_error.
  Signalling queue_signal(int signal, std::uintptr_t value) const;
  void close() noexcept { fd_.reset(); }
  /// See Fd::is_own(); before Linux 6.9 the kernel tells pidfds apart from other files, and not from each other.
  bool is_own() const noexcept { return fd_.is_own(); }
  /// Readable when the process has ended.
  int fd() const noexcept { return fd_.get(); }

 private:
  Fd fd_;
};

}  // namespace coproc::inline v0::os
