// Gives a pool access to the process of one of its workers: through its Life, and not by its number, which may belong
// to another process by now.
//
// Thread safety: that of `Worker::kill`.
#pragma once

#include <cstdint>

#include "coproc/worker.hpp"
#include "os/process_memory.hpp"

namespace coproc::inline v0::detail {

struct WorkerAccess {
  /// Sends SIGKILL. Returns false if it was refused, so that the process may go on; true also if the process has ended.
  static bool kill(Worker& worker) noexcept;
  /// Sends a signal that carries a value. Does nothing if the process has ended or may not be signalled.
  static void queue_signal(Worker& worker, int signal, std::uintptr_t value) noexcept;
  /// The memory of the process; zeros if it has ended, or if the system does not say.
  static os::ProcessMemory memory_of(Worker& worker) noexcept;
};

}  // namespace coproc::inline v0::detail
