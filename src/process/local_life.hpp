// The lives of processes on this machine, each held by its pidfd.
//
// Thread safety: see life.hpp.
// Invariants: a child is reaped once, by its LocalLife only, unless the program itself does that (waitpid(-1), SIGCHLD
// ignored).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "os/control_group.hpp"
#include "os/fork_guard.hpp"
#include "os/mutex.hpp"
#include "os/reap.hpp"
#include "process/life.hpp"

namespace coproc::inline v0::process {

/// A child of this process.
class LocalLife : public Life, private os::ForkSensitive {
 public:
  LocalLife(pid_t pid, os::Pidfd pidfd) noexcept
      : pid_(pid), pidfd_(std::move(pidfd)), kills_before_(os::out_of_memory_kills()) {}

  pid_t pid() const noexcept final { return pid_; }
  bool is_owned() const noexcept override { return true; }
  int wait_fd() noexcept final;
  bool is_ended() noexcept final;
  std::optional<ExitStatus> try_reap() override;
  os::Signalling signal(int number, std::optional<std::uintptr_t> value) final;
  void kill_group_at_end() noexcept override;
  os::ProcessMemory memory() noexcept final;

 protected:
  const pid_t pid_;
  os::Pidfd pidfd_;  // constant but in forked children, and where the program has closed it
  os::Mutex mutex_;
  std::optional<ExitStatus> status_ COPROC_GUARDED_BY(mutex_);

  ExitStatus to_status(const os::Ended& ended) const;
  /// Whether the program has closed the descriptor (closefrom).
  bool is_lost() const noexcept { return pidfd_.fd() >= 0 && !pidfd_.is_own(); }

 private:
  bool reopen_if_closed() noexcept;
  void leave_in_child() noexcept override { pidfd_.close(); }

  const std::optional<os::OutOfMemoryKills> kills_before_;  // in the control group of this process at the start
  bool kills_group_ COPROC_GUARDED_BY(mutex_) = false;
  os::ForkRegistration registration_{*this};
};

/// A process that is started, ended and reaped by somebody else.
class AdoptedLife final : public LocalLife {
 public:
  /// Called, possibly by several threads at once, if the kernel does not tell this process whether and how that process
  /// ended. May be empty.
  using Ask = std::function<std::optional<ExitStatus>()>;
  AdoptedLife(pid_t pid, os::Pidfd pidfd, Ask ask_how_it_ended) noexcept
      : LocalLife(pid, std::move(pidfd)), ask_how_it_ended_(std::move(ask_how_it_ended)) {}

  bool is_owned() const noexcept override { return false; }
  std::optional<ExitStatus> try_reap() override;
  void kill_group_at_end() noexcept override {}  // its group is its starter's affair

 private:
  const Ask ask_how_it_ended_;
};

}  // namespace coproc::inline v0::process
