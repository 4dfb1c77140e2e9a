#include "process/local_life.hpp"

#include <signal.h>

#include <chrono>
#include <new>
#include <system_error>
#include <utility>

#include "os/signals.hpp"

namespace coproc::inline v0::process {

ExitStatus LocalLife::to_status(const os::Ended& ended) const {
  ExitStatus status;
  switch (ended.how) {
    case os::Ended::How::exited:
      status.end = Exited{ended.value};
      break;
    case os::Ended::How::signalled:
      status.end = Signalled{ended.value, ended.core_dumped};
      break;
    case os::Ended::How::unknown:
      status.end = UnknownEnd{};
      break;
  }
  status.resources.user_time = std::chrono::microseconds(ended.user_us);
  status.resources.system_time = std::chrono::microseconds(ended.system_us);
  status.resources.peak_memory_kib = ended.peak_kib;
  if (ended.limit != nullptr) {
    status.limit = ended.limit;
  } else if (status.signal() == SIGKILL && kills_before_ && kills_before_->are_more_now()) {
    status.limit = "memory";
  }
  return status;
}

/// Opens a descriptor again that the program has closed (closefrom). A child that is not reaped still has its number.
/// Returns whether the descriptor can be used.
bool LocalLife::reopen_if_closed() noexcept {
  if (!is_lost()) return true;
  if (!is_owned()) return false;
  const os::MutexLock lock(mutex_);
  if (status_) return false;
  try {
    pidfd_ = os::Pidfd::open(pid_);
  } catch (const std::system_error&) {
    // The call that needs the descriptor will find that it cannot be used.
  }
  return !is_lost();
}

int LocalLife::wait_fd() noexcept { return reopen_if_closed() ? pidfd_.fd() : -1; }

bool LocalLife::is_ended() noexcept { return !reopen_if_closed() || pidfd_.is_ended(); }

std::optional<ExitStatus> LocalLife::try_reap() {
  reopen_if_closed();
  const os::MutexLock lock(mutex_);
  if (status_) return status_;
  if (kills_group_) {
    // Checked first: a process that ends between two checks would be reaped before its group is killed.
    if (!pidfd_.is_ended()) return std::nullopt;
    os::kill_group_of_ended(pidfd_, pid_);
  }
  const auto ended = os::reap_ended(pidfd_);
  if (!ended) return std::nullopt;
  if (kills_group_) os::reap_strays_of_group(pid_);
  return status_ = to_status(*ended);
}

std::optional<ExitStatus> AdoptedLife::try_reap() {
  const os::MutexLock lock(mutex_);
  if (status_) return status_;
  std::optional<ExitStatus> status;
  bool is_known = false;
  // The process that started it may have reaped it, so its number may be another process's and must not be used.
  if (!is_lost()) {
    const auto ended = os::look_at_ended(pidfd_);
    if (!ended) return std::nullopt;
    status = to_status(*ended);
    is_known = ended->how != os::Ended::How::unknown;
  }
  if (!is_known && ask_how_it_ended_) {
    const os::MutexUnlock unlocked(
        mutex_);  // the answer may need a lock (an interpreter's) whose holder waits for this
    if (auto answer = ask_how_it_ended_()) status = std::move(answer);
  }
  if (!status_) status_ = std::move(status);
  return status_;
}

os::Signalling LocalLife::signal(int number, std::optional<std::uintptr_t> value) {
  reopen_if_closed();
  try {
    if (os::Pidfd::can_open()) return value ? pidfd_.queue_signal(number, *value) : pidfd_.send_signal(number);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::function_not_supported) throw;  // a filter (containers)
  }
  const os::MutexLock lock(mutex_);  // while it is not reaped, its number is its own
  if (status_) return os::Signalling::ended;
  if (!value) return os::send_signal(pid_, number);
  if (pidfd_.is_ended()) return os::Signalling::ended;
  os::queue_signal(pid_, number, *value);
  return os::Signalling::sent;
}

void LocalLife::kill_group_at_end() noexcept {
  const os::MutexLock lock(mutex_);
  kills_group_ = true;
}

os::ProcessMemory LocalLife::memory() noexcept {
  os::ProcessMemory memory;
  try {
    memory = os::memory_of(pid_);
  } catch (const std::bad_alloc&) {
    return memory;
  }
  // While a process lives its number is its own, so that what was read before belongs to it, too.
  return is_ended() ? os::ProcessMemory() : memory;
}

}  // namespace coproc::inline v0::process
