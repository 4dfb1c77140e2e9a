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

namespace {

enum class News { channel, end, none };

/// Waits until the worker sends something or ends, or the time is over.
News await_news(const Child& child, const StartChannel& channel, const os::Deadline& deadline,
                StderrTail* error_output) {
  for (;;) {
    pollfd fds[3] = {{channel.host_end().get(), POLLIN, 0},
                     {child.wait_fd(), POLLIN, 0},
                     {error_output == nullptr ? -1 : error_output->fd(), POLLIN, 0}};
    const os::PollEnd end = os::poll_once(fds, deadline);
    if (error_output != nullptr) error_output->drain();
    if (end == os::PollEnd::ready && fds[0].revents != 0) return News::channel;
    if (end == os::PollEnd::ready && fds[1].revents != 0) return News::end;
    if (end == os::PollEnd::timed_out || deadline.passed()) return News::none;
  }
}

StartOutcome without_report(Child& child, const os::Deadline& deadline, StderrTail* error_output) {
  StartOutcome outcome{{StartStage::handshake, 0, {}}, end_after_hang_up(child, deadline)};
  if (error_output != nullptr) error_output->drain();
  outcome.report.text = outcome.status ? "its process " + outcome.status->describe() + " before it was ready"
                                       : "its process closed its start socket without a word";
  if (error_output != nullptr) {
    outcome.report.text += " (is its program made to be a worker, by coproc::this_worker::run()?)";
    outcome.report.text += quoted_tail(error_output);
  }
  return outcome;
}

}  // namespace

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

StartOutcome await_start(Child& child, StartChannel& channel, const os::Deadline& deadline, StderrTail* error_output) {
  if (!channel.confirm_pidfd(deadline)) {
    if (deadline.passed() && !child.is_ended()) return {{StartStage::handshake, ETIMEDOUT, {}}, {}};
    return without_report(child, deadline, error_output);
  }
  const News news = await_news(child, channel, deadline, error_output);
  if (news == News::none) return {{StartStage::handshake, ETIMEDOUT, {}}, {}};
  // A process that has ended may have reported before.
  if (auto report = channel.receive(deadline)) return {*std::move(report), {}};
  if (deadline.passed() && !child.is_ended()) return {{StartStage::handshake, ETIMEDOUT, {}}, {}};
  return without_report(child, deadline, error_output);
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
