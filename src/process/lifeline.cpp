#include "process/lifeline.hpp"

#include <signal.h>

#include <atomic>
#include <system_error>

#include "os/hang_up_signal.hpp"
#include "os/signal_timer.hpp"
#include "os/signals.hpp"
#include "process/worker_end.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::process {

namespace {

/// What the signal handler needs; a worker has one lifeline.
struct Armed {
  const Armed* of_the_host;  // a worker's, where this is a fork of one: only so that it is not taken for a leak
  int read_end;
  std::chrono::nanoseconds grace;
  os::SignalTimer timer{SIGKILL};
  std::atomic<bool> is_running{false};
};
static_assert(std::atomic<bool>::is_always_lock_free);  // used in a signal handler
std::atomic<Armed*> armed{nullptr};                     // set once; the worker's end frees it

/// Null: there can be no timer, since this user may queue no more signals (RLIMIT_SIGPENDING).
Armed* arm(int read_end, std::chrono::nanoseconds grace) {
  try {
    // relaxed: of this thread, or of before the fork
    return new Armed{.of_the_host = armed.load(std::memory_order_relaxed), .read_end = read_end, .grace = grace};
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again) return nullptr;
    throw;
  }
}

void on_sigcont(int, siginfo_t*, void*) {
  Armed* const line = armed.load(std::memory_order_acquire);  // pairs with the release in stay_with_worker()
  // A shell's `kill -CONT` comes here, too.
  if (line == nullptr || !os::is_hung_up(line->read_end)) return;
  // relaxed: only one of several signals may set the timer, or each would put the end off
  if (!line->is_running.exchange(true, std::memory_order_relaxed)) line->timer.arm(line->grace);
}

}  // namespace

Lifeline::Lifeline(const os::ForkLock&) : pipe_(os::Pipe::create()) {}

void Lifeline::stay_with_host() noexcept { pipe_.read_end.reset(); }

void Lifeline::stay_with_worker(std::chrono::nanoseconds grace) {
  step("lifeline: forked");
  pipe_.write_end.reset();
  Armed* const line = grace > std::chrono::nanoseconds::zero() ? arm(pipe_.read_end.get(), grace) : nullptr;
  if (line != nullptr) {
    armed.store(line, std::memory_order_release);  // pairs with on_sigcont()
    os::set_signal_handler(SIGCONT, &on_sigcont);
    os::signal_on_change(pipe_.read_end, SIGCONT);
  } else {
    // Rather an end without grace than a worker that may outlive its host.
    os::signal_on_change(pipe_.read_end, SIGKILL);
  }
  step("lifeline: held");
  // The host may have ended before the signal was asked for: then none will come.
  if (os::is_hung_up(pipe_.read_end.get())) end_worker(1);
}

void Lifeline::leave_in_child() noexcept {
  pipe_.read_end.reset();
  pipe_.write_end.reset();
}

void Lifeline::list_fds(std::vector<int>& fds) const {
  fds.insert(fds.end(), {pipe_.read_end.get(), pipe_.write_end.get()});
}

}  // namespace coproc::inline v0::process
