#include "process/child.hpp"

#include <signal.h>

#include <array>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "coproc/errors.hpp"
#include "os/clock.hpp"
#include "os/poll.hpp"
#include "os/reap.hpp"

namespace coproc::inline v0::process {

class Child::State final : public os::ForkSensitive {
 public:
  State(pid_t pid_of_child, os::Pidfd pidfd_of_child, std::unique_ptr<Lifeline> lifeline_to_child)
      : pid(pid_of_child), pidfd(std::move(pidfd_of_child)), lifeline(std::move(lifeline_to_child)) {}

  const pid_t pid;
  os::Pidfd pidfd;                     // constant but in forked children
  std::unique_ptr<Lifeline> lifeline;  // has its own place in the table of forks
  const unsigned long generation = os::fork_generation();
  std::mutex mutex;
  std::optional<ExitStatus> status;  // guarded by mutex
  std::array<bool, 4> is_noted{};    // by rung; guarded by mutex
  bool kills_group = false;          // guarded by mutex
  bool is_adopted = false;           // constant after creation
  Ask ask_how_it_ended;              // constant after creation

 private:
  void leave_in_child() noexcept override { pidfd.close(); }

  os::ForkRegistration registration_{*this};
};

namespace {

StopRung rung_that_ended(const os::Ended& ended, const std::array<bool, 4>& is_noted) {
  const auto noted = [&](StopRung rung) { return is_noted[static_cast<std::size_t>(rung)]; };
  if (ended.how == os::Ended::How::signalled) {
    if (ended.value == SIGKILL && noted(StopRung::kill)) return StopRung::kill;
    if (ended.value == SIGTERM && noted(StopRung::terminate)) return StopRung::terminate;
    return StopRung::none;
  }
  // Nothing exits because of SIGKILL: if it exited, it did so just before that arrived.
  if (noted(StopRung::terminate)) return StopRung::terminate;
  if (noted(StopRung::close_request)) return StopRung::close_request;
  return StopRung::none;
}

/// What was answered, with the rung that ended it.
ExitStatus answered(std::optional<ExitStatus> answer, const std::array<bool, 4>& is_noted) {
  ExitStatus status = answer ? *std::move(answer) : ExitStatus();
  os::Ended ended;
  if (const auto code = status.code()) ended = {.how = os::Ended::How::exited, .value = *code};
  if (const auto signal = status.signal()) ended = {.how = os::Ended::How::signalled, .value = *signal};
  if (ended.how != os::Ended::How::unknown) status.stopped_by = rung_that_ended(ended, is_noted);
  return status;
}

ExitStatus to_status(const os::Ended& ended, const std::array<bool, 4>& is_noted) {
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
  status.stopped_by = rung_that_ended(ended, is_noted);
  status.resources.user_time = std::chrono::microseconds(ended.user_us);
  status.resources.system_time = std::chrono::microseconds(ended.system_us);
  status.resources.peak_memory_kib = ended.peak_kib;
  return status;
}

}  // namespace

Child::Child() noexcept = default;
Child::Child(pid_t pid, os::Pidfd pidfd, std::unique_ptr<Lifeline> lifeline)
    : state_(std::make_unique<State>(pid, std::move(pidfd), std::move(lifeline))) {}
Child::Child(Child&&) noexcept = default;

Child Child::adopt(pid_t pid, os::Pidfd pidfd, std::unique_ptr<Lifeline> lifeline, Ask ask_how_it_ended) {
  Child child(pid, std::move(pidfd), std::move(lifeline));
  child.state_->is_adopted = true;
  child.state_->ask_how_it_ended = std::move(ask_how_it_ended);
  return child;
}

Child& Child::operator=(Child&& other) noexcept {
  Child old(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

Child::~Child() {
  if (state_ == nullptr || !is_own_process() || state_->is_adopted) return;
  const os::Deadline patience(std::chrono::seconds(10));
  do {
    try {
      if (try_reap()) return;
      signal(SIGKILL);
      // One that has ended and cannot be reaped is held back by a tracer: no busy loop until that lets go.
      const bool is_held_back = is_ended();
      pollfd end = {is_held_back ? -1 : wait_fd(), POLLIN, 0};
      os::poll_once({&end, 1}, is_held_back ? os::Deadline(std::chrono::milliseconds(1)) : patience);
    } catch (const std::exception&) {  // a destructor has nobody to tell: it tries again
    }
  } while (!patience.passed());
}

bool Child::is_own_process() const noexcept { return state_ != nullptr && state_->generation == os::fork_generation(); }
pid_t Child::pid() const noexcept { return state_->pid; }
int Child::wait_fd() const noexcept { return state_->pidfd.fd(); }
bool Child::is_ended() const noexcept { return state_->pidfd.is_ended(); }

namespace {

void require_own_process(const Child& child, const char* what) {
  if (child.is_own_process()) return;
  throw NotOwnerError("this process was forked from the one that started the child " + std::to_string(child.pid()) +
                      " and cannot " + what + " it: do that in the process that called start()");
}

}  // namespace

std::optional<ExitStatus> Child::try_reap() {
  require_own_process(*this, "wait for");
  std::unique_lock lock(state_->mutex);
  if (state_->status) return state_->status;
  if (state_->kills_group) {
    // Looked at first: an end between two looks would be reaped before its group is killed.
    if (!state_->pidfd.is_ended()) return std::nullopt;
    os::kill_group_of_ended(state_->pidfd, state_->pid);
  }
  const auto ended = state_->is_adopted ? os::look_at_ended(state_->pidfd) : os::reap_ended(state_->pidfd);
  if (!ended) return std::nullopt;
  if (ended->how != os::Ended::How::unknown || !state_->ask_how_it_ended)
    return state_->status = to_status(*ended, state_->is_noted);
  // Not with the lock: to answer may take one that somebody holds who waits for this (an interpreter's).
  lock.unlock();
  auto answer = state_->ask_how_it_ended();
  lock.lock();
  if (!state_->status) state_->status = answered(std::move(answer), state_->is_noted);
  return state_->status;
}

bool Child::signal(int number) {
  require_own_process(*this, "signal");
  if (os::Pidfd::can_open()) return state_->pidfd.send_signal(number);
  const std::scoped_lock lock(state_->mutex);  // while it is not reaped, its number is its own
  return !state_->status && os::send_signal(state_->pid, number);
}

void Child::kill_group_at_end() noexcept {
  const std::scoped_lock lock(state_->mutex);
  state_->kills_group = true;
}

void Child::note_rung(StopRung rung) {
  const std::scoped_lock lock(state_->mutex);
  if (!state_->pidfd.is_ended()) state_->is_noted[static_cast<std::size_t>(rung)] = true;
}

}  // namespace coproc::inline v0::process
