// A process, named in a way that is never reused.
//
// Thread safety: const operations from any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "os/clock.hpp"
#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// What became of a signal that was to be sent.
enum class Signalling {
  sent,
  ended,    // the process has ended and was reaped
  refused,  // the system does not let this process signal that one, which has other rights by now
};

/// Of a system call that sends a signal, by what it has returned and errno; nullopt: it has failed for another reason.
std::optional<Signalling> outcome_of_signal(long result) noexcept;

class [[nodiscard]] Pidfd {
 public:
  Pidfd() noexcept = default;
  explicit Pidfd(Fd fd) noexcept : fd_(std::move(fd)) {}
  /// Throws std::system_error; ESRCH where the process has ended and was reaped, ENOSYS or EPERM where !can_open().
  static Pidfd open(pid_t pid);
  /// Whether the system has open(). Valgrind 3.19 has not, and filters may refuse it; there the two below may do.
  static bool can_open() noexcept;
  /// From now on what comes through this socket says who has sent it. Throws std::system_error.
  static void ask_for_senders(const Fd& socket);
  /// Waits for one byte, at most until `deadline`: the process that has sent it. Needs Linux 6.5. Throws std::system_error;
  /// ESRCH where nobody sends any more, ETIMEDOUT.
  static Pidfd of_sender(const Fd& socket, const Deadline& deadline);

  /// Whether the process, with all of its threads, has ended; false where poll fails.
  bool is_ended() const noexcept;
  /// Throws std::system_error.
  Signalling send_signal(int signal) const;
  /// The same with a value, which its handler is given. Throws std::system_error.
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
