// How a pool reaches the process of one of its workers: by its pidfd, never by a number that may be another's by now.
//
// Thread safety: as `Worker::kill`.
#pragma once

#include <cstdint>

#include "coproc/worker.hpp"
#include "os/process_memory.hpp"

namespace coproc::inline v0::detail {

struct WorkerAccess {
  /// Sends SIGKILL. False: that was refused, and the process may go on. True also where it has ended.
  static bool kill(Worker& worker) noexcept;
  /// Sends a signal that carries a value. Nothing where the process has ended or may not be signalled.
  static void queue_signal(Worker& worker, int signal, std::uintptr_t value) noexcept;
  /// Zeros where the process has ended, or the system does not tell.
  static os::ProcessMemory memory_of(Worker& worker) noexcept;
};

}  // namespace coproc::inline v0::detail
