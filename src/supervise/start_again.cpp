// How another worker is started: when, with which state, and what becomes of the requests that the last one has left.
#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

#include "coproc/errors.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "os/clock.hpp"
#include "os/random.hpp"
#include "os/wait_hook.hpp"
#include "supervise/supervision.hpp"
#include "supervise/while_true.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::detail {

namespace {

/// A wait for a backoff looks so often whether it was interrupted.
constexpr std::chrono::milliseconds kSlice(20);

}  // namespace

Waited Supervision::State::start_again(const State& caller, const os::Deadline& deadline) {
  const WhileTrue driving(is_driving_);  // so that a call that on_restart makes does not drive
  do {
    if (given_up_ != nullptr) std::rethrow_exception(given_up_);
    if (const Waited waited = wait_until_due(caller, deadline); waited != Waited::is_over) return waited;
    if (!begin_start()) {
      MessengerAccess::core(messenger_)->ask_again(false);
      return Waited::became_final;
    }
  } while (!try_start());
  // Nobody may call this messenger for long: what is to be sent again goes now, as far as there is room.
  if (&caller != this) (void)MessengerAccess::core(messenger_)->has_work(nullptr);
  return Waited::is_over;
}

/// Decides when the next start is due, or that there is none.
void Supervision::State::plan_next() {
  const std::int64_t now = os::now_ns();
  if (const auto due = schedule_.next(now, os::random_share())) {
    due_ = *due;
  } else {
    give_up(std::make_exception_ptr(past_ends_.error("worker " + name_ + " was", options_.most, "RestartOptions")));
  }
}

/// Waits as a receive does, with interrupts and the wait hook.
Waited Supervision::State::wait_until_due(const State& caller, const os::Deadline& deadline) {
  for (;;) {
    {
      const os::MutexLock lock(mutex_);
      if (is_final_) {
        MessengerAccess::core(messenger_)->ask_again(false);
        return Waited::became_final;
      }
      const std::int64_t left = due_ - os::now_ns();
      if (left <= 0) return Waited::is_over;
      if (deadline.passed()) return Waited::is_too_long;
      const auto slice = std::min<std::chrono::nanoseconds>(kSlice, deadline.remaining());
      mutex_.wait_for(changed_, std::min(slice, std::chrono::nanoseconds(left)));
    }
    MessengerAccess::core(caller.messenger_)->throw_if_interrupted();
    os::run_wait_hook();
  }
}

/// Returns false if no worker may be started any more; otherwise make_final() waits until end_start().
bool Supervision::State::begin_start() {
  const os::MutexLock lock(mutex_);
  is_starting_ = !is_final_;
  return is_starting_;
}

void Supervision::State::end_start() noexcept {
  const os::MutexLock lock(mutex_);
  is_starting_ = false;
  changed_.notify_all();
}

/// Returns whether there is another worker. If its start has failed, the next one is planned.
bool Supervision::State::try_start() {
  struct Starting {
    State& state;
    ~Starting() { state.end_start(); }
  };
  const std::int64_t now = os::now_ns();
  Restart restart{.number = restarts_ + 1,
                  .reason = reason_,
                  .status = *end_,
                  .pid_before = pid_at_end_,
                  .delay = std::chrono::nanoseconds(now - ended_at_),
                  .state_dropped = states_.was_dropped()};
  if (states_.state() != nullptr) restart.state_bytes = states_.state()->bytes.size();
  try {
    const Starting starting{*this};
    schedule_.note_start(now, reason_ == RestartReason::its_end);
    ++restarts_;
    const WhileTrue giving(gives_state_);
    WorkerAccess::restart(worker_, [&] { takes_next() ? (void)worker_.await_start() : start_(); });
  } catch (const StartError& error) {
    if (reason_ != RestartReason::its_end) schedule_.note_start(now, true);  // so that it does not fail for ever
    restart.start_error = error.what();
    past_ends_.add(now, error.exit_status().value_or(ExitStatus()), restart.start_error);
    note(std::move(restart));
    plan_next();
    return false;
  }
  restart.pid = worker_.pid();
  const struct Resending {
    Messenger& messenger;
    ~Resending() { MessengerAccess::core(messenger)->begin_resending(); }
  } behind_on_restart{messenger_};
  end_.reset();
  if (retires_since_) MessengerAccess::core(messenger_)->forget_end();  // its own end may have come before
  note_started(now);
  decide_on_requests(restart);
  MessengerAccess::core(messenger_)
      ->tell_restart(restart.number, std::chrono::system_clock::now().time_since_epoch(), restart.pid_before,
                     static_cast<std::uint32_t>(reason_), restart.describe());
  note(restart);
  if (options_.on_restart != nullptr) options_.on_restart(restart);
  return true;
}

void Supervision::State::decide_on_requests(Restart& restart) {
  Core& core = *MessengerAccess::core(messenger_);
  std::exception_ptr error;
  if (options_.pending != Pending::drop)
    error = std::make_exception_ptr(WorkerDiedError(name_, pid_at_end_, restart.status));
  restart.unanswered = core.orphans();
  // One that was asked to go, and went, did not die of what it had in hand.
  if (reason_ != RestartReason::its_end && restart.status.success()) core.count_no_attempt();
  if (options_.pending != Pending::resend) {
    core.fail_orphans(std::move(error));
    return;
  }
  const auto give_up = [&](std::vector<ExitStatus> ends) {
    return std::make_exception_ptr(RequestAttemptsError(name_, pid_at_end_, std::move(ends)));
  };
  restart.resent = core.resend_orphans(options_.attempts, restart.status, error, give_up);
}

void Supervision::State::note(Restart restart) {
  const os::MutexLock lock(mutex_);
  if (history_.size() == kMostHistory) history_.pop_front();
  history_.push_back(std::move(restart));
}

}  // namespace coproc::inline v0::detail
