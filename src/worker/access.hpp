// How a pool reaches the process of one of its workers: through its life, never by its number, which may be another's
// by now.
//
// Thread safety: as `Worker::kill`.
#pragma once

#include <cstdint>

#include "coproc/worker.hpp"
#include "os/process_memory.hpp"

namespace coproc::inline v0::detail {

struct WorkerAccess {
  /// Sends SIGKILL. False: it was refused, so that the process may go on. True also if the process has ended.
  static bool kill(Worker& worker) noexcept;
  /// Sends a signal that carries a value. Does nothing if the process has ended or may not be signalled.
  static void queue_signal(Worker& worker, int signal, std::uintptr_t value) noexcept;
  /// Zeros if the process has ended, or if the system does not tell.
  static os::ProcessMemory memory_of(Worker& worker) noexcept;
};

}  // namespace coproc::inline v0::detail
