// Pipes, and the wake-up calls that travel through them.
//
// Thread safety: the functions may be called from any thread; the kernel makes each single-byte write atomic.
#pragma once

#include <cstddef>
#include <span>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

struct Pipe {
  Fd read_end;
  Fd write_end;
  /// Both ends close-on-exec and non-blocking. Throws std::system_error.
  static Pipe create();
  /// For a program's output: writes wait for space, reads do not wait. It holds `bytes` if the system allows that.
  /// Throws std::system_error.
  static Pipe create_for_output(int bytes);
  /// For a program's input: reads wait for bytes, writes do not wait. It holds `bytes`, if that is given and the system
  /// allows it. Throws std::system_error.
  static Pipe create_for_input(int bytes = 0);
};

/// Whether `fd` is an end of a pipe, opened for this mode: O_RDONLY or O_WRONLY.
bool is_pipe(const Fd& fd, int mode) noexcept;
/// The same end as a new file description that does not wait. Without /proc it stays the old one, and is set not to
/// wait. Throws std::system_error.
Fd reopen_pipe(Fd fd, int mode);

struct Got {
  std::size_t bytes = 0;
  bool is_at_end = false;  ///< nobody has the write end any more (or the pipe cannot be read)
};
/// Reads what is there, as much as there is room for, from a non-blocking read end. Never waits.
Got read_available(const Fd& read_end, std::span<char> to) noexcept;

enum class Wake {
  sent,
  full,    ///< the sleeper has more wake-up calls than it can hold: it will wake
  broken,  ///< nobody has the read end any more
  lost,    ///< this process has closed its end
};
/// Writes one byte. Never waits, never raises SIGPIPE.
Wake write_wake(const Fd& write_end) noexcept;

enum class Drained { nothing, some, hung_up, lost };
/// Takes the wake-up calls out. `hung_up`: nobody has the write end any more (or the pipe cannot be read). `lost`:
/// this process has closed its end.
Drained drain_wakes(const Fd& read_end) noexcept;

}  // namespace coproc::inline v0::os
