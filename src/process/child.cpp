#include "process/child.hpp"

#include <signal.h>

#include <array>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "os/clock.hpp"
#include "os/crash_signals.hpp"
#include "os/mutex.hpp"
#include "os/poll.hpp"
#include "os/process_state.hpp"
#include "process/worker_end.hpp"

namespace coproc::inline v0::process {

struct Child::State {
  State(std::unique_ptr<Life> its_life, std::unique_ptr<Lifeline> its_lifeline) noexcept
      : life(std::move(its_life)), lifeline(std::move(its_lifeline)) {}

  const std::unique_ptr<Life> life;
  const unsigned long generation = os::fork_generation();
  os::Mutex mutex;
  std::unique_ptr<Lifeline> lifeline COPROC_GUARDED_BY(mutex);
  std::optional<ExitStatus> status COPROC_GUARDED_BY(mutex);
  std::array<bool, 4> is_noted COPROC_GUARDED_BY(mutex){};  // by rung
  bool was_killed COPROC_GUARDED_BY(mutex) = false;
  bool refuses_signals COPROC_GUARDED_BY(mutex) = false;
  // For the wait for its end: set when the process was killed, or by the first question.
  std::optional<os::Deadline> patience COPROC_GUARDED_BY(mutex);
};

namespace {

StopRung rung_that_ended(const ExitStatus& status, const std::array<bool, 4>& is_noted) {
  const auto noted = [&](StopRung rung) { return is_noted[static_cast<std::size_t>(rung)]; };
  if (const auto signal = status.signal()) {
    if (signal == SIGKILL && noted(StopRung::kill)) return StopRung::kill;
    if (signal == SIGTERM && noted(StopRung::terminate)) return StopRung::terminate;
    return StopRung::none;
  }
  // Nothing exits because of SIGKILL: a process that exited did so just before that arrived.
  if (noted(StopRung::terminate)) return StopRung::terminate;
  if (noted(StopRung::close_request)) return StopRung::close_request;
  return StopRung::none;
}

constexpr std::chrono::seconds kPatience{10}, kPatienceIfRefused{1};
constexpr std::chrono::milliseconds kRest{1};

}  // namespace

/// Children that were killed and did not end in time. Nobody waits for them any more, but whenever a child is made or
/// left over, those that have ended by then are reaped.
///
/// Thread safety: any thread. In a forked process the lock may be held for ever, so that no call waits for it.
class Child::Leftovers {
 public:
  static void add(std::unique_ptr<State> state) noexcept {
    const std::unique_lock lock(mutex(), std::try_to_lock);
    if (!lock) return;
    try {
      all().push_back(std::move(state));
    } catch (const std::bad_alloc&) {  // it stays a zombie until this process ends
    }
  }

  static void look_again() noexcept {
    const std::unique_lock lock(mutex(), std::try_to_lock);
    if (lock) std::erase_if(all(), [](const auto& state) { return is_over(*state); });
  }

 private:
  static bool is_over(State& state) noexcept {
    if (state.generation != os::fork_generation()) return true;  // another process's
    try {
      return state.life->try_reap().has_value();
    } catch (const std::exception&) {
      return false;
    }
  }

  // Never destroyed, since destructors of static objects may end workers, too.
  static std::mutex& mutex() {
    static auto* const one = new std::mutex;
    return *one;
  }
  static std::vector<std::unique_ptr<State>>& all() {
    static auto* const list = new std::vector<std::unique_ptr<State>>;
    return *list;
  }
};

Child::Child() noexcept = default;
Child::Child(std::unique_ptr<Life> life, std::unique_ptr<Lifeline> lifeline)
    : state_(std::make_unique<State>(std::move(life), std::move(lifeline))) {
  Leftovers::look_again();
}
Child::Child(Child&&) noexcept = default;

Child& Child::operator=(Child&& other) noexcept {
  Child old(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

Child::~Child() {
  if (state_ == nullptr || !is_own_process() || !state_->life->is_owned()) return;
  for (;;) {
    try {
      if (try_reap()) return;
      if (!was_killed()) kill();
      if (patience().passed()) break;
      // A child that has ended and cannot be reaped is held by a tracer: no busy loop until that lets go.
      const bool is_held_back = is_ended();
      pollfd end = {is_held_back ? -1 : wait_fd(), POLLIN, 0};
      os::poll_once({&end, 1}, is_held_back ? os::Deadline(kRest) : patience());
    } catch (const std::exception&) {  // a destructor cannot report it: it tries again
      if (patience().passed()) break;
      os::sleep_once(kRest);
    }
  }
  Leftovers::look_again();
  Leftovers::add(std::move(state_));
}

bool Child::is_own_process() const noexcept { return state_ != nullptr && state_->generation == os::fork_generation(); }
pid_t Child::pid() const noexcept { return state_->life->pid(); }
int Child::wait_fd() const noexcept { return state_->life->wait_fd(); }
bool Child::is_ended() const noexcept { return state_->life->is_ended(); }
os::ProcessMemory Child::memory() const noexcept { return state_->life->memory(); }

namespace {

void require_own_process(const Child& child, const char* what) {
  if (child.is_own_process()) return;
  throw NotOwnerError("this process was forked from the one that started the child " + std::to_string(child.pid()) +
                      " and cannot " + what + " it: do that in the process that called start()");
}

}  // namespace

std::optional<ExitStatus> Child::try_reap() {
  require_own_process(*this, "wait for");
  auto ended = state_->life->try_reap();
  const os::MutexLock lock(state_->mutex);
  if (!state_->status && ended) {
    ended->stopped_by = rung_that_ended(*ended, state_->is_noted);
    if (ended->stopped_by == StopRung::kill && ended->limit == "memory") ended->limit.clear();  // it was this process
    state_->status = std::move(ended);
  }
  return state_->status;
}

os::Signalling Child::send(int number, std::optional<std::uintptr_t> value) {
  require_own_process(*this, "signal");
  return state_->life->signal(number, value);
}

bool Child::signal(int number, std::optional<std::uintptr_t> value) {
  return send(number, value) == os::Signalling::sent;
}

void Child::terminate() {
  if (send(SIGTERM) == os::Signalling::sent) {
    // A stopped process could not act on it. But SIGCONT would also undo the stop that the leak sanitizer waits for
    // when it looks through a worker at its end, and it would wait for ever.
    if (!looks_for_leaks() || os::may_be_stopped(pid())) signal(SIGCONT);
    return;
  }
  const os::MutexLock lock(state_->mutex);
  state_->is_noted[static_cast<std::size_t>(StopRung::terminate)] = false;
}

void Child::kill() {
  const bool is_refused = send(SIGKILL) == os::Signalling::refused;
  std::unique_ptr<Lifeline>
      closed;  // after the lock is released: it is in the table of forks, which has a lock of its own
  const os::MutexLock lock(state_->mutex);
  if (is_refused) closed = std::move(state_->lifeline);
  state_->was_killed = true;
  state_->refuses_signals = is_refused;
  if (!state_->patience) state_->patience.emplace(is_refused ? kPatienceIfRefused : kPatience);
}

bool Child::was_killed() const {
  const os::MutexLock lock(state_->mutex);
  return state_->was_killed;
}

bool Child::refuses_signals() const {
  const os::MutexLock lock(state_->mutex);
  return state_->refuses_signals;
}

os::Deadline Child::patience() const {
  const os::MutexLock lock(state_->mutex);
  if (!state_->patience) state_->patience.emplace(kPatience);
  return *state_->patience;
}

void Child::kill_group_at_end() noexcept { state_->life->kill_group_at_end(); }

void Child::note_rung(StopRung rung) {
  const os::MutexLock lock(state_->mutex);
  if (!is_ended()) state_->is_noted[static_cast<std::size_t>(rung)] = true;
}

}  // namespace coproc::inline v0::process
