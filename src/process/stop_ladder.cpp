#include "process/stop_ladder.hpp"

#include <signal.h>

#include <algorithm>
#include <vector>

#include "os/poll.hpp"
#include "os/wait_hook.hpp"

namespace coproc::inline v0::process {

namespace {

constexpr std::chrono::milliseconds kDrainInterval{10};
constexpr std::chrono::milliseconds kRest{1};

void drain(const LadderWait& wait) {
  if (wait.keep_draining) wait.keep_draining();
}

/// The status, once the process has ended. A tracer may hold it back for a while.
std::optional<ExitStatus> reap(Child& child, const LadderWait& wait) {
  if (!child.is_ended()) return std::nullopt;
  drain(wait);  // what it sent before its end
  return child.try_reap();
}

}  // namespace

void take_rung(Child& child, const Rung& rung) {
  child.note_rung(rung.rung);
  if (rung.act) {
    rung.act();
  } else if (rung.rung == StopRung::terminate) {
    child.terminate();
  } else if (rung.rung == StopRung::kill) {
    child.kill();
  }
}

std::optional<ExitStatus> wait_for_end(Child& child, const os::Deadline& deadline, const LadderWait& wait) {
  bool rest_from_extra_fd = false;
  for (;;) {
    drain(wait);
    if (auto status = reap(child, wait)) return status;
    if (deadline.passed()) return std::nullopt;

    // A descriptor that stays ready although it was drained (hung up, or a full inbox), or a process that has ended
    // and cannot be reaped yet, must not turn this into a busy loop. is_ended() is asked once: if the process ended
    // between two calls, nothing would end the poll.
    const bool is_held_back = child.is_ended();
    const bool rests = rest_from_extra_fd || is_held_back;
    pollfd fds[2] = {{is_held_back ? -1 : child.wait_fd(), POLLIN, 0}, {rests ? -1 : wait.extra_fd, POLLIN, 0}};
    const bool needs_ticks = wait.keep_draining || wait.extra_fd >= 0 || rests;
    std::chrono::nanoseconds time = deadline.remaining();
    if (needs_ticks) time = std::min<std::chrono::nanoseconds>(time, rests ? kRest : kDrainInterval);
    const os::PollEnd end = os::poll_slice(fds, os::Deadline(time), wait.may_unwind);
    rest_from_extra_fd = end == os::PollEnd::ready && fds[1].revents != 0;
    if (end != os::PollEnd::ready) os::run_wait_hook();
  }
}

void wait_for_ends(std::span<Child* const> children, const os::Deadline& deadline, const LadderWait& wait) {
  std::vector<Child*> living(children.begin(), children.end());
  std::vector<pollfd> ends;
  for (;;) {
    drain(wait);
    std::erase_if(living, [](Child* child) { return child->is_ended() && child->try_reap(); });
    if (living.empty() || deadline.passed()) return;
    ends.clear();
    bool rests = false;
    for (const Child* child : living) {
      const bool is_held_back = child->is_ended();  // by a tracer
      rests = rests || is_held_back;
      ends.push_back({is_held_back ? -1 : child->wait_fd(), POLLIN, 0});
    }
    const std::chrono::nanoseconds time =
        std::min<std::chrono::nanoseconds>(deadline.remaining(), rests ? kRest : kDrainInterval);
    if (os::poll_slice(ends, os::Deadline(time), false) != os::PollEnd::ready) os::run_wait_hook();
  }
}

ExitStatus run_ladder(Child& child, std::span<const Rung> rungs, const LadderWait& wait) {
  if (auto status = reap(child, wait)) return *status;
  const bool was_killed = child.was_killed();
  for (const Rung& rung : rungs) {
    if (was_killed && rung.rung != StopRung::kill) continue;
    take_rung(child, rung);
    if (auto status = wait_for_end(child, os::Deadline(rung.time.ns), wait)) return *status;
  }
  ExitStatus status;
  status.end = NotYetEnded{.refused = child.refuses_signals()};
  return status;
}

}  // namespace coproc::inline v0::process
