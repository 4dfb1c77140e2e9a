// What the end of a worker means: whether it is started again, and what the call that has found the end then does.
#include "supervise/supervision.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "coproc/errors.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "messenger/supervised.hpp"
#include "os/clock.hpp"
#include "os/random.hpp"
#include "supervise/while_true.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0::detail {

Supervision::State::State(Worker& worker, Messenger& messenger, std::string name, RestartOptions options)
    : worker_(worker),
      messenger_(messenger),
      name_(name.empty() ? "worker" : std::move(name)),
      options_(std::move(options)),
      schedule_(options_),
      recycling_(options_.recycle),
      states_(options_),
      watch_(options_.health),
      past_ends_(options_.within) {
  if (options_.attempts == 0) throw InvalidArgumentError("RestartOptions: `attempts` is at least 1");
  if (options_.state_attempts == 0) throw InvalidArgumentError("RestartOptions: `state_attempts` is at least 1");
}

void Supervision::State::start(std::function<void()> start) {
  if (watch_.health().has_limits() && WorkerAccess::is_on_machine(worker_)) {
    throw InvalidArgumentError(
        "start: worker " + name_ +
        " runs on another machine, where nobody sees whether it hangs: RestartOptions::health is "
        "for workers of this machine");
  }
  if (!worker_.is_alive()) {
    const os::MutexLock lock(mutex_);
    drop_next();  // here, so that a stop() of another thread does not do it at the same time
  }
  start();  // throws if a worker is alive; then nothing has changed
  start_ = std::move(start);
  schedule_ = supervise::Schedule(options_);
  states_ = supervise::StateKeeper(options_);
  const std::int64_t now = os::now_ns();
  schedule_.note_start(now, false);
  note_started(now);
  end_.reset();
  past_ends_.clear();
  given_up_ = nullptr;
  const os::MutexLock lock(mutex_);
  is_final_ = false;
}

void Supervision::State::note_started(std::int64_t now) {
  retires_since_.reset();
  is_over_grace_ = false;
  states_.note_start(now);
  watch_.begin();
  recycling_.note_start(now, MessengerAccess::core(messenger_)->next_request_id(), os::random_share());
}

void Supervision::State::make_final() {
  const os::MutexLock lock(mutex_);
  is_final_ = true;
  changed_.notify_all();
  while (is_starting_) mutex_.wait(changed_);
  drop_next();
}

std::vector<Restart> Supervision::State::history() const {
  const os::MutexLock lock(mutex_);
  return {history_.begin(), history_.end()};
}

// ---- the thread that drives ----

Replacement Supervision::State::replace_worker(const Error& error, const os::Deadline& deadline) {
  const Replacement and_throw{Replaced::and_throw, nullptr, deadline};
  if (is_driving_ || start_ == nullptr) return and_throw;
  const WhileTrue driving(is_driving_);
  const auto* const told = dynamic_cast<const WorkerDiedError*>(&error);
  if (told != nullptr && (told->pid() != worker_.pid() || worker_.is_alive())) {
    return and_throw;  // it tells of a request that an earlier worker has left
  }
  if (!end_ && (is_final() || (options_.when == RestartWhen::never && !is_retiring()))) {
    if (told != nullptr) set_final();
    return and_throw;
  }
  if (dynamic_cast<const ProtocolError*>(&error) != nullptr) {
    // What a worker that has broken a rule of its link sends cannot be read any more, so that it is of no use.
    (void)worker_.stop({.close = std::chrono::seconds(0), .terminate = std::chrono::seconds(0)});
  } else if (told == nullptr) {  // a send after the end of messages
    if (!is_retiring()) return and_throw;
    if (!await_retired(deadline)) return {Replaced::not_in_time, nullptr, deadline};
    return {Replaced::and_go_on, MessengerAccess::core(messenger_), deadline};  // and so finds its end
  }
  if (!look_at_end(told)) return and_throw;
  switch (together_ != nullptr ? together_->start_again(*this, deadline) : start_again(*this, deadline)) {
    case Waited::is_over:
      break;
    case Waited::is_too_long:
      return {Replaced::not_in_time, nullptr, deadline};
    case Waited::became_final:
      return and_throw;
  }
  const bool goes_on = reason_ != RestartReason::its_end || (options_.pending == Pending::resend && told != nullptr);
  if (!goes_on) return and_throw;
  return {Replaced::and_go_on, MessengerAccess::core(messenger_), deadline};
}

std::optional<std::size_t> Supervision::State::resend_bytes() const noexcept {
  return options_.pending == Pending::resend ? std::optional(options_.resend_bytes) : std::nullopt;
}

PeerSupervisor::Asks Supervision::State::asks() const noexcept {
  return {.in_hand = options_.pending == Pending::resend || watch_.health().has_reply_limit(),
          .reads = watch_.health().has_unread_limit()};
}

/// Returns when it should be called again, from now.
std::chrono::nanoseconds Supervision::State::look() {
  if (start_ == nullptr || is_driving_) return std::chrono::nanoseconds::max();
  const std::optional<std::chrono::nanoseconds> pause =
      supervised(*MessengerAccess::core(messenger_), Timeout(std::chrono::seconds(0)),
                 [&](const Timeout&) { return MessengerAccess::core(messenger_)->look_after_peer(); });
  if (!pause) {
    const std::int64_t due = together_ != nullptr ? together_->due(*this) : due_;
    return std::chrono::nanoseconds(std::max<std::int64_t>(due - os::now_ns(), 0));
  }
  const bool may_follow = !is_final() && (options_.when != RestartWhen::never || retires_since_);
  if (worker_.is_alive()) return *pause;
  return may_follow ? watch_.next() : std::chrono::nanoseconds::max();
}

bool Supervision::State::is_final() const {
  const os::MutexLock lock(mutex_);
  return is_final_;
}

void Supervision::State::set_final() {
  const os::MutexLock lock(mutex_);
  is_final_ = true;
  drop_next();
}

void Supervision::State::give_up(std::exception_ptr error) {
  given_up_ = std::move(error);
  give_up_next();
}

/// `has_broken_link`: so that it has failed, even if it has heeded the close request by which it was stopped.
bool Supervision::State::is_wanted_after(const ExitStatus& status, bool has_broken_link) const {
  const bool is_wanted =
      options_.when == RestartWhen::always ||
      (options_.when == RestartWhen::on_failure && (!status.success() || status.hung || has_broken_link));
  return is_wanted && (options_.unless == nullptr || !options_.unless(status));
}

/// Returns whether the worker is to be started again.
bool Supervision::State::look_at_end(const WorkerDiedError* told) {
  if (end_) return true;
  ExitStatus status = told != nullptr ? told->exit_status() : worker_.exit_status().value_or(ExitStatus());
  if (is_retiring() && !status.hung && (status.success() || is_over_grace_)) {
    reason_ = RestartReason::recycled;
    note_end(std::move(status));
    due_ = ended_at_;
    return true;
  }
  MessengerAccess::core(messenger_)->ask_again(true);  // also if `unless` throws
  if (!is_wanted_after(status, told == nullptr)) {
    MessengerAccess::core(messenger_)->ask_again(false);
    set_final();
    return false;
  }
  reason_ = RestartReason::its_end;
  past_ends_.add(os::now_ns(), status, status.describe());
  note_end(std::move(status));
  plan_next();
  if (together_ != nullptr) together_->note_end(*this, *end_);
  return true;
}

void Supervision::State::note_end(ExitStatus status) {
  Core& core = *MessengerAccess::core(messenger_);
  auto saved = core.take_in_saved_state();
  ended_at_ = os::now_ns();
  // One that was asked to go did not die of its state.
  states_.note_end(ended_at_, std::move(saved), core.has_been_answered() || reason_ != RestartReason::its_end);
  pid_at_end_ = worker_.pid();
  end_ = std::move(status);
  core.ask_again(true);  // until there is another worker, or none will be: also calls that do not wait start it
}

void Supervision::State::give_up_next() {
  const os::MutexLock lock(mutex_);
  drop_next();
}

bool Supervision::State::is_left_behind() const {
  return start_ != nullptr && !end_ && !worker_.is_alive() && !is_final();
}

void Supervision::State::end_with(const State& other) {
  if (start_ == nullptr || is_final()) return;
  if (!end_) {
    const bool retires = is_retiring();
    give_up_next();  // it may know those that end now
    const bool was_alive = worker_.is_alive();
    ExitStatus status = worker_.stop();
    // Its own end, which nobody has noticed yet, may have been one after which it is not started again.
    const bool has_made_place = retires && status.success();
    if (was_alive ? options_.when == RestartWhen::never : !has_made_place && !is_wanted_after(status))
      return set_final();
    reason_ = RestartReason::another_end;
    note_end(std::move(status));
    due_ = ended_at_;
  }
  if (other.given_up_ != nullptr) give_up(other.given_up_);
}

// ---- Supervision ----

Supervision::Supervision(Worker& worker, Messenger& messenger, std::string name, RestartOptions options)
    : state_(std::make_shared<State>(worker, messenger, std::move(name), std::move(options))) {
  WorkerAccess::set_supervisor(worker, state_);
}
Supervision::Supervision(Supervision&&) noexcept = default;
Supervision& Supervision::operator=(Supervision&&) noexcept = default;
Supervision::~Supervision() = default;

void Supervision::start(std::function<void()> start) { state().start(std::move(start)); }
void Supervision::make_final() { state().make_final(); }
std::chrono::nanoseconds Supervision::look() { return state().look(); }
bool Supervision::makes_place() const noexcept { return state().makes_place(); }
std::vector<Restart> Supervision::history() const { return state().history(); }
Supervision::State& Supervision::state() const {
  if (state_ == nullptr) throw_moved_from();
  return *state_;
}
void Supervision::throw_moved_from() {
  throw NoLinkError("this Supervised was moved from: use the object it was moved to");
}

}  // namespace coproc::inline v0::detail
