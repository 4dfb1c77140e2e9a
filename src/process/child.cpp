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
#include "os/poll.hpp"
#include "os/process_state.hpp"
#include "os/reap.hpp"
#include "os/signals.hpp"
#include "process/worker_end.hpp"

namespace coproc::inline v0::process {

class Child::State final : public os::ForkSensitive {
 public:
  State(pid_t pid_of_child, os::Pidfd pidfd_of_child, std::unique_ptr<Lifeline> lifeline_to_child)
      : pid(pid_of_child), pidfd(std::move(pidfd_of_child)), lifeline(std::move(lifeline_to_child)) {}

  const pid_t pid;
  os::Pidfd pidfd;                     // constant but in forked children
  std::unique_ptr<Lifeline> lifeline;  // has its own place in the table of forks; guarded by mutex
  const unsigned long generation = os::fork_generation();
  std::mutex mutex;
  std::optional<ExitStatus> status;      // guarded by mutex
  std::array<bool, 4> is_noted{};        // by rung; guarded by mutex
  bool kills_group = false;              // guarded by mutex
  bool was_killed = false;               // guarded by mutex
  std::optional<os::Deadline> patience;  // since its end was first wanted for sure; guarded by mutex
  bool refuses_signals = false;          // guarded by mutex
  bool is_adopted = false;               // constant after creation
  Ask ask_how_it_ended;                  // constant after creation

  /// Takes the end of a child that has ended into account. REQUIRES: mutex is held.
  std::optional<os::Ended> take_end();

  /// Whether the program has closed the descriptor (closefrom).
  bool is_lost() const noexcept { return pidfd.fd() >= 0 && !pidfd.is_own(); }
  /// Another one then: a child that is not reaped has its number still.
  void find_again() noexcept {
    if (!is_lost() || is_adopted) return;
    const std::scoped_lock lock(mutex);
    if (status) return;
    try {
      pidfd = os::Pidfd::open(pid);
    } catch (const std::system_error&) {
      // Whoever needs it finds that it cannot be used.
    }
  }

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
  if (ended.limit != nullptr) status.limit = ended.limit;
  return status;
}

constexpr std::chrono::seconds kPatience{10}, kPatienceWhereRefused{1};
constexpr std::chrono::milliseconds kRest{1};

}  // namespace

std::optional<os::Ended> Child::State::take_end() {
  if (!kills_group) return is_adopted ? os::look_at_ended(pidfd) : os::reap_ended(pidfd);
  // Looked at first: an end between two looks would be reaped before its group is killed.
  if (!pidfd.is_ended()) return std::nullopt;
  os::kill_group_of_ended(pidfd, pid);
  const auto ended = is_adopted ? os::look_at_ended(pidfd) : os::reap_ended(pidfd);
  if (ended && !is_adopted) os::reap_strays_of_group(pid);
  return ended;
}

/// Children that were killed and did not end in time. Nobody waits for them any more, but their ends are taken when the next
/// child comes or goes, so that they are zombies no longer than need be.
///
/// Thread safety: any thread. In a process that was forked meanwhile the lock may be held for ever: nobody waits for it.
class Child::Leftovers {
 public:
  static void add(std::unique_ptr<State> state) noexcept {
    const std::unique_lock lock(mutex(), std::try_to_lock);
    if (!lock) return;
    try {
      all().push_back(std::move(state));
    } catch (const std::bad_alloc&) {  // then it stays a zombie until this process ends
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
      const std::scoped_lock lock(state.mutex);
      return state.take_end().has_value();
    } catch (const std::exception&) {
      return false;
    }
  }

  // Never destroyed: a static object's destructor may end workers, too.
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
Child::Child(pid_t pid, os::Pidfd pidfd, std::unique_ptr<Lifeline> lifeline)
    : state_(std::make_unique<State>(pid, std::move(pidfd), std::move(lifeline))) {
  Leftovers::look_again();
}
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
  for (;;) {
    try {
      if (try_reap()) return;
      if (!was_killed()) kill();
      if (patience().passed()) break;
      // One that has ended and cannot be reaped is held back by a tracer: no busy loop until that lets go.
      const bool is_held_back = is_ended();
      pollfd end = {is_held_back ? -1 : wait_fd(), POLLIN, 0};
      os::poll_once({&end, 1}, is_held_back ? os::Deadline(kRest) : patience());
    } catch (const std::exception&) {  // a destructor has nobody to tell: it tries again
      if (patience().passed()) break;
      os::sleep_once(kRest);
    }
  }
  Leftovers::look_again();
  Leftovers::add(std::move(state_));
}

bool Child::is_own_process() const noexcept { return state_ != nullptr && state_->generation == os::fork_generation(); }
pid_t Child::pid() const noexcept { return state_->pid; }
int Child::wait_fd() const noexcept {
  state_->find_again();
  return state_->is_lost() ? -1 : state_->pidfd.fd();
}
bool Child::is_ended() const noexcept {
  state_->find_again();
  return state_->is_lost() || state_->pidfd.is_ended();
}

namespace {

void require_own_process(const Child& child, const char* what) {
  if (child.is_own_process()) return;
  throw NotOwnerError("this process was forked from the one that started the child " + std::to_string(child.pid()) +
                      " and cannot " + what + " it: do that in the process that called start()");
}

}  // namespace

std::optional<ExitStatus> Child::try_reap() {
  require_own_process(*this, "wait for");
  state_->find_again();
  std::unique_lock lock(state_->mutex);
  if (state_->status) return state_->status;
  const auto ended = state_->take_end();
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

os::Signalling Child::send(int number) {
  require_own_process(*this, "signal");
  state_->find_again();
  try {
    if (os::Pidfd::can_open()) return state_->pidfd.send_signal(number);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::function_not_supported) throw;  // a filter (containers)
  }
  const std::scoped_lock lock(state_->mutex);  // while it is not reaped, its number is its own
  return state_->status ? os::Signalling::ended : os::send_signal(state_->pid, number);
}

bool Child::signal(int number) { return send(number) == os::Signalling::sent; }

void Child::terminate() {
  if (send(SIGTERM) == os::Signalling::sent) {
    // A stopped process could not act on it. But a SIGCONT takes back the stop that the leak sanitizer waits for when it looks
    // through a worker at its end, and it would wait for ever.
    if (!looks_for_leaks() || os::may_be_stopped(pid())) signal(SIGCONT);
    return;
  }
  const std::scoped_lock lock(state_->mutex);
  state_->is_noted[static_cast<std::size_t>(StopRung::terminate)] = false;
}

void Child::kill() {
  const bool is_refused = send(SIGKILL) == os::Signalling::refused;
  std::unique_ptr<Lifeline> closed;  // not with the lock: it has a place in the table of forks, which has its own
  const std::scoped_lock lock(state_->mutex);
  if (is_refused) closed = std::move(state_->lifeline);
  state_->was_killed = true;
  state_->refuses_signals = is_refused;
  if (!state_->patience) state_->patience.emplace(is_refused ? kPatienceWhereRefused : kPatience);
}

bool Child::was_killed() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->was_killed;
}

bool Child::refuses_signals() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->refuses_signals;
}

os::Deadline Child::patience() const {
  const std::scoped_lock lock(state_->mutex);
  if (!state_->patience) state_->patience.emplace(kPatience);
  return *state_->patience;
}

bool Child::queue_signal(int number, std::uintptr_t value) {
  require_own_process(*this, "signal");
  state_->find_again();
  try {
    if (os::Pidfd::can_open()) return state_->pidfd.queue_signal(number, value) == os::Signalling::sent;
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::function_not_supported) throw;  // a filter (containers)
  }
  const std::scoped_lock lock(state_->mutex);  // while it is not reaped, its number is its own
  if (state_->status || state_->pidfd.is_ended()) return false;
  os::queue_signal(state_->pid, number, value);
  return true;
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
