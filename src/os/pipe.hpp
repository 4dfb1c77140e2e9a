// Pipes, and the wake-up calls that travel through them.
//
// Thread safety: the functions may be called from any thread; the kernel makes each single-byte write atomic.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

struct Pipe {
  Fd read_end;
  Fd write_end;
  /// Both ends close-on-exec and non-blocking. Throws std::system_error.
  static Pipe create();
};

/// From now on reads or writes of this end wait. Throws std::system_error.
void set_blocking(const Fd& fd);

/// What has come, without waiting: 0 for nothing, nullopt where nobody has the write end any more (or the pipe cannot be
/// read).
std::optional<std::size_t> read_some(const Fd& read_end, std::span<char> into) noexcept;

enum class Wake {
  sent,
  full,    ///< the sleeper has more wake-up calls than it can hold: it will wake
  broken,  ///< nobody has the read end any more
};
/// Writes one byte. Never waits, never raises SIGPIPE.
Wake write_wake(const Fd& write_end) noexcept;

enum class Drained { nothing, some, hung_up };
/// Takes the wake-up calls out. `hung_up`: nobody has the write end any more (or the pipe cannot be read).
Drained drain_wakes(const Fd& read_end) noexcept;

}  // namespace coproc::inline v0::os
