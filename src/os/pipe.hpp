// Pipes.
//
// Thread safety: the functions may be called from any thread.
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
  /// For a program's output: writes wait for space, reads do not wait. Made to hold `bytes` where the system allows it.
  /// Throws std::system_error.
  static Pipe create_for_output(int bytes);
};

struct Got {
  std::size_t bytes = 0;
  bool is_at_end = false;  ///< nobody has the write end any more (or the pipe cannot be read)
};
/// Takes out what is there, as much as has room, from a non-blocking read end. Never waits.
Got read_available(const Fd& read_end, std::span<char> to) noexcept;

}  // namespace coproc::inline v0::os
