// The life of a worker's process: how its host learns that it has ended, and how it reaches it until then.
//
// Thread safety: any thread, but for construction and destruction. Only in the process that made it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "coproc/exit_status.hpp"
#include "os/pidfd.hpp"
#include "os/process_memory.hpp"

namespace coproc::inline v0::process {

class Life {
 public:
  virtual ~Life() = default;

  /// For names and messages only: once the process has ended, its number may be another's.
  virtual pid_t pid() const noexcept = 0;
  /// Whether the owner has to end the process, and to reap it.
  virtual bool is_owned() const noexcept = 0;
  /// A descriptor for poll, readable once the process has ended; -1 if it is lost. This object keeps owning it.
  virtual int wait_fd() noexcept = 0;
  /// Whether the process has ended, reaped or not.
  virtual bool is_ended() noexcept = 0;
  /// Returns how the process ended, without `stopped_by`; it is the same at every call. nullopt if it lives or cannot
  /// be reaped yet. Never waits. Throws std::system_error.
  virtual std::optional<ExitStatus> try_reap() = 0;
  /// Sends a signal; its handler is given the value if there is one. Throws std::system_error.
  virtual os::Signalling signal(int number, std::optional<std::uintptr_t> value) = 0;
  /// Call for a process that leads a process group: before it is reaped, the rest of its group is killed.
  virtual void kill_group_at_end() noexcept = 0;
  /// The memory that the process takes; zeros if it has ended, or if the system does not say.
  virtual os::ProcessMemory memory() noexcept = 0;
};

}  // namespace coproc::inline v0::process
