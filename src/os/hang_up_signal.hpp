// A signal when the other end of a pipe is gone.
//
// Thread safety: set up by one thread; is_hung_up() may be called in a signal handler.
#pragma once

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// From now on this process gets `signal` when anything happens at `read_end`. Throws std::system_error.
void signal_on_change(const Fd& read_end, int signal);

/// Whether the write end of this pipe, into which nobody writes, is closed everywhere.
bool is_hung_up(int read_end) noexcept;

}  // namespace coproc::inline v0::os
