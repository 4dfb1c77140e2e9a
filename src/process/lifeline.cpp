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

/// The state of the signal handler. A worker has one lifeline.
struct Armed {
  const Armed* of_the_host;  // that this worker inherited from its host, kept reachable for the leak sanitizer
  int read_end;
  std::chrono::nanoseconds grace;
  os::SignalTimer timer{SIGKILL};
  std::atomic<bool> is_running{false};
};
static_assert(std::atomic<bool>::is_always_lock_free);  // used in a signal handler
std::atomic<Armed*> armed{nullptr};                     // set once; the worker's end frees it

/// Null: no timer can be made, since this user may queue no more signals (RLIMIT_SIGPENDING).
Armed* arm(int read_end, std::chrono::nanoseconds grace) {
  try {
    // relaxed: stored by this thread, or before the fork
    return new Armed{.of_the_host = armed.load(std::memory_order_relaxed), .read_end = read_end, .grace = grace};
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again) return nullptr;
    throw;
  }
}

void on_sigcont(int, siginfo_t*, void*) {
  Armed* const line = armed.load(std::memory_order_acquire);  // pairs with the release in end_with_host()
  // A shell's `kill -CONT` ends up here, too.
  if (line == nullptr || !os::is_hung_up(line->read_end)) return;
  // relaxed: only one of several signals may set the timer, or each would postpone the end
  if (!line->is_running.exchange(true, std::memory_order_relaxed)) line->timer.arm(line->grace);
}

}  // namespace

Lifeline::Lifeline(const os::ForkLock&) : pipe_(os::Pipe::create()) {}

void Lifeline::keep_host_end() noexcept { pipe_.read_end.reset(); }

void Lifeline::end_with_host(std::chrono::nanoseconds grace) {
  step("lifeline: forked");
  pipe_.write_end.reset();
  Armed* const line = grace > std::chrono::nanoseconds::zero() ? arm(pipe_.read_end.get(), grace) : nullptr;
  if (line != nullptr) {
    armed.store(line, std::memory_order_release);  // pairs with on_sigcont()
    os::set_signal_handler(SIGCONT, &on_sigcont);
    os::signal_on_change(pipe_.read_end, SIGCONT);
  } else {
    // An end without grace is better than a worker that may outlive its host.
    os::signal_on_change(pipe_.read_end, SIGKILL);
  }
  step("lifeline: held");
  // The host may have ended before the signal was requested, and then no signal will come.
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
