// The life of a worker on another machine, as its host sees it: through its near agent.
//
// The near agent, a child of the host, lives until everything that the worker sent is in the host's link, or was lost.
// Then it tells how the worker ended, and ends itself: that is the worker's end here.
//
// Thread safety: see process/life.hpp.
// Invariants: no other child of the host holds its end of the socket, by whose closing the near agent sees that the
// host has ended.
#pragma once

#include <optional>
#include <string>

#include "os/file.hpp"
#include "os/fork_guard.hpp"
#include "os/mutex.hpp"
#include "os/socket_pair.hpp"
#include "process/life.hpp"
#include "process/local_life.hpp"

namespace coproc::inline v0::remote {

/// The socket between a host and its near agent.
class AgentSocket final : public os::ForkSensitive {
 public:
  /// Throws std::system_error.
  AgentSocket() : AgentSocket(os::ForkLock()) {}

  const os::Fd& host_end() const noexcept { return ends_.first; }
  const os::Fd& agent_end() const noexcept { return ends_.second; }
  void keep_host_end() noexcept { ends_.second.reset(); }
  /// False: the program has closed the host's end, and may have another file under its number. That stays open then.
  bool check_host_end() noexcept {
    if (os::id_of(ends_.first.get()) == id_) return true;
    (void)ends_.first.release();
    return false;
  }

 private:
  explicit AgentSocket(const os::ForkLock&) : ends_(os::SocketPair::create()), id_(os::id_of(ends_.first.get())) {}
  void leave_in_child() noexcept override {
    ends_.first.reset();
    ends_.second.reset();
  }

  os::SocketPair ends_;
  const std::optional<os::FileId> id_;
  os::ForkRegistration registration_{*this};
};

class RemoteLife final : public process::Life {
 public:
  /// `near_pid` and `near` are the near agent's; `machine` is the name for errors.
  RemoteLife(pid_t near_pid, os::Pidfd near, std::unique_ptr<AgentSocket> socket, std::string machine)
      : near_(near_pid, std::move(near)), socket_(std::move(socket)), machine_(std::move(machine)) {}

  /// The worker's pid on its machine; that of the near agent until it is known.
  pid_t pid() const noexcept override { return pid_ != 0 ? pid_ : near_.pid(); }
  /// Call once, before any other thread knows this object.
  void set_pid(pid_t pid) noexcept { pid_ = pid; }
  const os::Fd& socket() const noexcept { return socket_->host_end(); }
  const process::LocalLife& near_agent() const noexcept { return near_; }

  bool is_owned() const noexcept override { return true; }
  int wait_fd() noexcept override { return near_.wait_fd(); }
  bool is_ended() noexcept override { return near_.is_ended(); }
  std::optional<ExitStatus> try_reap() override;
  /// Asks the near agent to have the signal sent there. SIGKILL also makes it give up what it still waits for.
  os::Signalling signal(int number, std::optional<std::uintptr_t> value) override;
  /// The far agent does that, which the worker's group belongs to.
  void kill_group_at_end() noexcept override {}
  /// Not known here.
  os::ProcessMemory memory() noexcept override { return {}; }

 private:
  process::LocalLife near_;
  std::unique_ptr<AgentSocket> socket_;  // constant after construction
  const std::string machine_;
  pid_t pid_ = 0;
  os::Mutex mutex_;  // also for the writing end of the socket
  std::optional<ExitStatus> status_ COPROC_GUARDED_BY(mutex_);
};

}  // namespace coproc::inline v0::remote
