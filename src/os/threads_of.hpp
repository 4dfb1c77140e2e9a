// The threads of another process, as /proc shows them.
//
// Thread safety: free functions. What they return may be out of date at once.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coproc::inline v0::os {

struct ThreadState {
  pid_t id;
  std::string name;           // any bytes; empty if it is not known
  char state = '?';           // as /proc/PID/stat has it: R, S, D, T (stopped), t (traced), Z, ...
  std::optional<int> call{};  // the system call that the thread is in, if that is known
};

/// Empty if the process has ended, or if there is no /proc.
std::vector<ThreadState> threads_of(pid_t process);

/// The system call that the first thread of a process is in, if that is known.
std::optional<int> call_of_first_thread(pid_t process);

/// Whether this process is stopped (state T or t) or has a tracer; false if /proc does not tell.
bool is_stopped_or_traced(pid_t process);

/// Whether this process has a handler for the signal, as far as /proc tells; false if it does not.
bool has_handler(pid_t process, int signal);

/// Queues a signal that carries a value for one thread. Returns false if that is not possible.
bool queue_signal_for_thread(pid_t process, pid_t thread, int signal, int value) noexcept;

}  // namespace coproc::inline v0::os
