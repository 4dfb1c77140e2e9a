#include "process/await_start.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "coproc/detail/foreign_text.hpp"
#include "os/pidfd.hpp"
#include "os/poll.hpp"
#include "os/reap.hpp"
#include "process/local_life.hpp"

namespace coproc::inline v0::process {

Child take_charge(pid_t pid, StartChannel& channel, const os::Deadline& deadline, std::unique_ptr<Lifeline> lifeline) {
  const os::ForkLock no_fork_before_it_is_registered;
  os::Pidfd pidfd;
  try {
    pidfd = channel.open_pidfd(pid, deadline);
  } catch (const std::system_error& error) {
    // ESRCH: something killed the worker at once, and the program ignores SIGCHLD or waits for every child. The pid
    // may already belong to another process.
    if (error.code().value() != ESRCH) os::kill_and_reap(pid);
    throw;
  }
  return Child(std::make_unique<LocalLife>(pid, std::move(pidfd)), std::move(lifeline));
}

std::optional<StartOutcome> ReportWait::look() {
  const auto is_too_late = [&] { return deadline_.passed() && !child_.is_ended(); };
  constexpr auto too_late = [] { return StartOutcome{{StartStage::handshake, ETIMEDOUT, {}}, {}}; };
  if (!std::exchange(is_confirmed_, true) && !channel_.confirm_pidfd(deadline_)) {
    return is_too_late() ? too_late() : without_report();
  }
  const bool is_ended = child_.is_ended();  // before the look: a process that has ended may have reported before
  if (error_output_ != nullptr) error_output_->drain();
  const StartChannel::Arrived arrived = channel_.take_in();
  if (arrived == StartChannel::Arrived::all) {
    if (auto report = channel_.take_report()) return StartOutcome{*std::move(report), {}};
  } else if (arrived == StartChannel::Arrived::part && !is_ended) {
    if (is_too_late()) return too_late();
    return std::nullopt;
  }
  return without_report();
}

std::array<int, 3> ReportWait::fds() const noexcept {
  return {channel_.host_end().get(), child_.wait_fd(), error_output_ == nullptr ? -1 : error_output_->fd()};
}

StartOutcome ReportWait::await() {
  for (;;) {
    if (auto outcome = look()) return *std::move(outcome);
    wait_for_any(fds(), deadline_);
  }
}

StartOutcome ReportWait::without_report() {
  StartOutcome outcome{{StartStage::handshake, 0, {}}, end_after_hang_up(child_, deadline_)};
  if (error_output_ != nullptr) error_output_->drain();
  outcome.report.text = outcome.status ? "its process " + outcome.status->describe() + " before it was ready"
                                       : "its process closed its start socket without a word";
  if (error_output_ != nullptr) {
    outcome.report.text += " (is its program made to be a worker, by coproc::this_worker::run()?)";
    outcome.report.text += quoted_tail(error_output_);
  }
  return outcome;
}

void wait_for_any(const std::array<int, 3>& fds, const os::Deadline& deadline) {
  pollfd entries[3] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}, {fds[2], POLLIN, 0}};
  (void)os::poll_once(entries, deadline);
}

std::optional<ExitStatus> end_after_hang_up(Child& child, const os::Deadline& deadline) {
  constexpr std::chrono::nanoseconds kGrace = std::chrono::seconds(1);
  const os::Deadline grace(std::min(kGrace, deadline.remaining()));
  pollfd end = {child.wait_fd(), POLLIN, 0};
  while (os::poll_once({&end, 1}, grace) == os::PollEnd::interrupted) {}
  return child.try_reap();
}

std::string quoted_tail(const StderrTail* error_output) {
  if (error_output == nullptr || error_output->text().empty()) return {};
  return "; the end of its stderr: " + detail::in_lines(error_output->text(), "    ");
}

}  // namespace coproc::inline v0::process
