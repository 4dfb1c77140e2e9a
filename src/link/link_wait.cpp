// How an end of a link waits: in a call, or by the program's own event loop.
//
// tests/model checks the steps of sleep(), settle(), request_close() and wake_if_waiting(): change it with them.
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <system_error>

#include "coproc/errors.hpp"
#include "link/link.hpp"
#include "os/poll.hpp"
#include "os/wait_hook.hpp"

namespace coproc::inline v0::link {

namespace {

/// A process closes its descriptors a little before its pidfd says that it has ended.
constexpr std::chrono::seconds kHangUpGrace{2};
/// How long that takes nearly always. Until the pidfd is ready, an event loop that knows of the hang-up could do
/// nothing but ask again.
constexpr std::chrono::milliseconds kHangUpToEnd{100};
/// After so many waits in a row without a sleep, wait() checks whether the peer's process has ended.
constexpr int kFoundInARow = 64;
/// After a sleep of this length the link checks once whether the program has closed the link's descriptors. Their
/// numbers may lead to other files by then, which would never end the sleep.
constexpr std::chrono::milliseconds kSleepUnchecked{100};
/// The longest sleep if no event can be made that would let an interrupt end it.
constexpr std::chrono::milliseconds kSleepWithoutEvent{20};

}  // namespace

bool Link::is_satisfied(bool incoming, std::size_t space) noexcept {
  return (incoming && (consumer_.look() || consumer_.is_broken())) || (space != 0 && producer_.has_room(space)) ||
         close_requests() != closes_waited_for_ || is_interrupted_.load(std::memory_order_relaxed);
}

bool Link::spin(bool incoming, std::size_t space, const os::Deadline& deadline) noexcept {
  // The peer uses this to tell whether its own spinning can help. It is published only when it changes, since the
  // peer reads its cache line with every send.
  const int here = os::current_cpu();
  if (here != processor_published_) {
    processor_published_ = here;
    own_->processor.store(here, std::memory_order_relaxed);  // relaxed: a hint
  }
  const std::int64_t left = deadline.remaining().count();
  if (left == 0) return false;
  const std::int64_t budget = spin_budget_.next();
  if (budget == 0) return false;
  const bool shares_processor = peer_->processor.load(std::memory_order_relaxed) == here;  // relaxed: a hint
  // Saturated, since a user may ask to spin for ever.
  const std::int64_t now = os::now_ns();
  const std::int64_t end = now + std::min({budget, left, std::numeric_limits<std::int64_t>::max() - now});
  do {
    if (!shares_processor) {
      // A pause of 28 ns between looks costs this end less than the looks would cost the peer, since each takes the
      // cache line away.
      for (int i = 0; i < 64; ++i) {
        if (is_satisfied(incoming, space)) return spin_budget_.hit(), true;
        os::relax();
      }
    }
    // The peer or another thread may need this very processor.
    os::yield();
    if (is_satisfied(incoming, space)) return spin_budget_.hit(), true;
  } while (os::now_ns() < end);
  if (budget <= left) spin_budget_.miss();  // a spin cut short by the deadline says nothing
  return false;
}

WaitEnd Link::wait(const os::Deadline& deadline, bool incoming, std::size_t space) {
  throw_if_unreachable();
  // A peer that has hung up is ending: only its pidfd, on which a sleep waits, says more.
  const bool found = is_satisfied(incoming, space) || (!hang_up_grace_ && spin(incoming, space, deadline));
  WaitEnd end = found ? WaitEnd::changed : sleep(deadline, incoming, space);
  // A flood of records, from the peer or from a process that it has left behind, must not hide the peer's end.
  found_in_a_row_ = found ? found_in_a_row_ + 1 : 0;
  if (found_in_a_row_ == kFoundInARow) {
    found_in_a_row_ = 0;
    if (peer_process_has_ended()) end = WaitEnd::peer_gone;
  }
  return report(end);
}

/// The result of a wait. An interrupt takes precedence. What was known at this point does not end the next wait.
WaitEnd Link::report(WaitEnd end) noexcept {
  closes_waited_for_ = close_requests();
  if (!is_interrupted_.exchange(false, std::memory_order_acquire)) return end;  // pairs with the release in interrupt()
  if (armed_) armed_->interrupted.clear();
  return WaitEnd::interrupted;
}

std::chrono::nanoseconds Link::begin_sleep(std::span<pollfd, kSleepFds> fds, bool incoming, std::size_t space) {
  step("sleep: awake");
  own_->waiting.store(kSleeps | (incoming ? kWaitsForRecords : 0) | (space != 0 ? kWaitsForSpace : 0),
                      std::memory_order_relaxed);
  // These checks cost nearly as much as a poll. So only a sleep makes them that follows one which nothing has ended.
  if (has_slept_in_vain_ && wake_in_ && !wake_in_.is_own()) is_lost_ = true;
  os::Event* event = armed_ ? &armed_->interrupted : os::thread_event();
  if (has_slept_in_vain_ && !armed_ && event != nullptr && !event->is_own()) {
    event->close();
    event = os::thread_event();
  }
  sleeps_on_.store(event, std::memory_order_release);  // pairs with interrupt()
  // Pairs with the fence in wake_if_waiting(): either this end sees what the peer published, or the peer sees the
  // waiting word. Also pairs with the fence in interrupt().
  std::atomic_thread_fence(std::memory_order_seq_cst);
  step("sleep: waiting word set");
  fds[0] = {hang_up_grace_ ? -1 : wake_in_.get(), POLLIN, 0};
  fds[1] = {event == nullptr ? -1 : event->fd(), POLLIN, 0};
  fds[2] = {peer_pidfd_, POLLIN, 0};
  fds[3] = {watched_fd_, POLLIN, 0};
  const bool is_peer_gone = hang_up_grace_ && peer_pidfd_ < 0;  // nothing would end the poll any more
  if (is_satisfied(incoming, space) || is_peer_gone || is_lost_) return std::chrono::nanoseconds::zero();
  std::chrono::nanoseconds longest = has_slept_in_vain_ ? std::chrono::nanoseconds::max() : kSleepUnchecked;
  if (hang_up_grace_) longest = std::clamp(hang_up_grace_->remaining(), std::chrono::nanoseconds(1), longest);
  return event == nullptr ? std::min<std::chrono::nanoseconds>(longest, kSleepWithoutEvent) : longest;
}

WaitEnd Link::end_sleep(std::span<const pollfd, kSleepFds> fds) { return report(wake_up(fds)); }

WaitEnd Link::wake_up(std::span<const pollfd, kSleepFds> fds) {
  WaitEnd end = WaitEnd::changed;
  has_slept_in_vain_ = std::ranges::none_of(fds, [](const pollfd& entry) { return entry.revents != 0; });
  if (fds[3].revents != 0) serve_watched();
  if (fds[2].revents != 0) end = WaitEnd::peer_gone;
  // Clear the event also if interrupt() has set it after its flag was taken.
  if (os::Event* const event = sleeps_on_.load(std::memory_order_relaxed); event != nullptr && !armed_) {
    sleeps_on_.store(nullptr, std::memory_order_relaxed);  // relaxed: a late set() does no harm
    // If the program has closed the event, the next sleep opens it again.
    if ((fds[1].revents != 0 || is_interrupted()) && !event->clear()) event->close();
  } else if (fds[1].revents != 0) {
    armed_->interrupted.clear();
  }
  // If the peer has cleared the word meanwhile, its wake-up call is on the way, and would end the next sleep for
  // nothing. relaxed: a hint
  const bool is_called = fds[0].revents != 0 || (fds[0].fd >= 0 && own_->waiting.load(std::memory_order_relaxed) == 0);
  if (is_called) note_drained(os::drain_wakes(wake_in_));
  if (!armed_) own_->waiting.store(0, std::memory_order_relaxed);  // relaxed: a wake-up call too many does no harm
  step("sleep: waiting word cleared");
  throw_if_unreachable();
  if (hang_up_grace_ && peer_pidfd_ < 0) end = WaitEnd::peer_gone;
  return end;
}

WaitEnd Link::sleep(const os::Deadline& deadline, bool incoming, std::size_t space) {
  std::array<pollfd, kSleepFds> fds;
  const auto longest = begin_sleep(fds, incoming, space);
  bool is_over = false, found_nothing = false;
  if (longest != std::chrono::nanoseconds::zero()) {
    step("sleep: before the poll");
    const os::PollEnd polled = os::poll_slice(fds, os::Deadline(std::min(deadline.remaining(), longest)), true);
    step("sleep: after the poll");
    found_nothing = polled != os::PollEnd::ready;
    is_over = polled == os::PollEnd::timed_out && deadline.passed();
  }
  const WaitEnd end = wake_up(fds);
  if (found_nothing) os::run_wait_hook();
  if (end != WaitEnd::changed) return end;
  // A peer that keeps waking this end for nothing, or keeps printing, must not postpone the deadline.
  is_over = is_over || (deadline.passed() && !is_satisfied(incoming, space));
  return is_over ? WaitEnd::timed_out : WaitEnd::changed;
}

void Link::note_drained(os::Drained drained) noexcept {
  if (drained == os::Drained::hung_up) note_hang_up();
  if (drained == os::Drained::lost) is_lost_ = true;
}

void Link::note_hang_up() noexcept {
  if (!hang_up_grace_) hang_up_grace_.emplace(kHangUpGrace);
}

bool Link::peer_process_has_ended() const noexcept {
  pollfd fd = {peer_pidfd_, POLLIN, 0};
  return peer_pidfd_ >= 0 && os::poll_once({&fd, 1}, os::Deadline(std::chrono::seconds(0))) == os::PollEnd::ready;
}

bool Link::peer_has_ended() {
  if (peer_pidfd_ >= 0) return peer_process_has_ended();
  pollfd fd = {wake_in_.get(), POLLIN, 0};
  return os::poll_once({&fd, 1}, os::Deadline(std::chrono::seconds(0))) == os::PollEnd::ready &&
         (fd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

void Link::throw_if_unreachable() const {
  if (is_lost_) {
    throw LinkClosedError(
        "this process has closed the descriptors of this link (closefrom, close_range?): it cannot be used any more; "
        "keep "
        "descriptors that are not yours open, or make workers and messengers afterwards");
  }
  if (!hang_up_grace_ || peer_pidfd_ < 0 || !hang_up_grace_->passed() || peer_process_has_ended()) return;
  throw ProtocolError(
      "the peer closed its wake-up pipe and lives on: the link cannot be used any more; stop the worker");
}

void Link::serve_watched() noexcept {
  if (watched_fd_ < 0 || on_readable_()) return;
  try {
    if (armed_) armed_->epoll.remove(watched_fd_);  // at its end it would stay readable for ever
    watched_fd_ = -1;
  } catch (const std::system_error&) {
    // The next look tries again.
  }
}

void Link::interrupt() noexcept {
  is_interrupted_.store(true, std::memory_order_release);  // pairs with the acquire in report()
  // Pairs with the fence in begin_sleep(): either this thread sees what that one sleeps on, or that one sees the
  // flag.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (os::Event* const event = sleeps_on_.load(std::memory_order_acquire)) event->set();  // pairs with begin_sleep()
}

// ---- event loops ----

/// A pipe that has hung up stays readable for ever. Stop watching it: from now on the pidfd shows that the peer has
/// ended, or the end of the grace shows that it lives on.
void Link::stop_watching_hung_up_pipe() {
  if (!armed_ || peer_pidfd_ < 0 || armed_->end_of_grace) return;
  pollfd end = {peer_pidfd_, POLLIN, 0};
  (void)os::poll_once({&end, 1}, os::Deadline(kHangUpToEnd));
  armed_->end_of_grace.emplace(hang_up_grace_->remaining());
  armed_->epoll.add(armed_->end_of_grace->fd(), EPOLLIN);
  armed_->epoll.remove(wake_in_.get());
}

int Link::native_handle() {
  if (!armed_) {
    auto armed = std::make_unique<Armed>();
    armed->epoll.add(wake_in_.get(), EPOLLIN);
    armed->epoll.add(armed->interrupted.fd(), EPOLLIN);
    armed->epoll.add(armed->has_work.fd(), EPOLLIN);
    if (peer_pidfd_ >= 0) armed->epoll.add(peer_pidfd_, EPOLLIN);
    if (watched_fd_ >= 0) armed->epoll.add(watched_fd_, EPOLLIN);
    armed_ = std::move(armed);
    sleeps_on_.store(&armed_->interrupted, std::memory_order_release);  // pairs with interrupt(), which finds it made
    std::atomic_thread_fence(std::memory_order_seq_cst);                // as in begin_sleep()
    if (is_interrupted()) armed_->interrupted.set();
  }
  return armed_->epoll.fd();
}

void Link::settle(bool has_work, std::uint32_t closes_known, std::size_t space) noexcept {
  if (!armed_) return;
  const auto has_room = [&] { return space != 0 && producer_.has_room(space); };
  has_work = has_work || has_room();
  if (!has_work) {
    const os::Drained drained = os::drain_wakes(wake_in_);
    note_drained(drained);
    if (drained == os::Drained::hung_up) {
      try {
        stop_watching_hung_up_pipe();
      } catch (const std::system_error&) {
        // It stays readable, and the next call tries again.
      }
    }
    step("settle: pipe emptied");
    own_->waiting.store(kSleeps | kWaitsForRecords | kWaitsForSpace, std::memory_order_relaxed);
    step("settle: waiting word set");
    // Pairs with the fence in wake_if_waiting(): look again after the word is set.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    has_work = consumer_.look() || consumer_.is_broken() || close_requests() != closes_known || has_room();
  }
  if (has_work == armed_->says_work) return;
  armed_->says_work = has_work;
  if (has_work) {
    armed_->has_work.set();
  } else {
    armed_->has_work.clear();
  }
}

}  // namespace coproc::inline v0::link
