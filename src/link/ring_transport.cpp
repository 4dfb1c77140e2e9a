#include "link/ring_transport.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <system_error>

#include "coproc/errors.hpp"
#include "os/cpu.hpp"
#include "os/poll.hpp"
#include "os/wait_hook.hpp"
#include "step/step.hpp"

namespace coproc::inline v0::link {

namespace {

/// A process closes its descriptors a little before its pidfd says that it has ended.
constexpr std::chrono::seconds kHangUpGrace{2};
/// How long that nearly always takes. An event loop that is told of the one before the other is there could only ask again.
constexpr std::chrono::milliseconds kHangUpToEnd{100};
/// How many waits may end without a sleep before one looks whether the peer's process has ended.
constexpr int kFoundInARow = 64;
/// How long a sleep lasts before it is asked whether the program has closed the link's descriptors meanwhile. Their numbers may lead to
/// other files by then, which would never end the sleep.
constexpr std::chrono::milliseconds kSleepUnchecked{100};
/// Where an interrupt cannot end a sleep, since there is no descriptor to be had for it.
constexpr std::chrono::milliseconds kSleepWithoutEvent{20};

}  // namespace

RingTransport::RingTransport(std::shared_ptr<LinkMemory> memory, int end, os::Fd wake_in, os::Fd wake_out, Timeout spin)
    : Transport(memory->header().side[end], memory->header().side[1 - end],
                ring::Producer(memory->header().ring[end], memory->ring(end)),
                ring::Consumer(memory->header().ring[1 - end], memory->ring(1 - end))),
      memory_(std::move(memory)),
      end_(end),
      wake_in_(std::move(wake_in)),
      wake_out_(std::move(wake_out)),
      spin_budget_(spin.ns.count()) {}

bool RingTransport::wake() noexcept {
  peer_->waiting.store(0, std::memory_order_relaxed);  // relaxed: a second call too many does no harm
  step("wake: before the write");
  const os::Wake wake = os::write_wake(wake_out_);
  step("wake: after the write");
  if (wake == os::Wake::broken) note_hang_up();
  if (wake == os::Wake::lost) is_lost_ = true;
  return wake != os::Wake::broken && wake != os::Wake::lost;
}

bool RingTransport::look_found_nothing() {
  if (consumer_.is_broken()) throw_impossible("write position");
  throw_if_unreachable();
  return false;
}

// ---- waiting ----
//
// tests/model checks the steps of sleep(), settle(), request_close() and wake_if_waiting(): change it with them.

bool RingTransport::is_satisfied(bool incoming, std::size_t space) noexcept {
  return (incoming && (consumer_.look() || consumer_.is_broken())) || (space != 0 && producer_.has_room(space)) ||
         close_requests() != closes_waited_for_ || is_interrupted_.load(std::memory_order_relaxed);
}

bool RingTransport::spin(bool incoming, std::size_t space, const os::Deadline& deadline) noexcept {
  // Where it waits tells the peer whether its own spinning can help: published only when it changes, since the line is
  // one that the peer reads with every send.
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
  // Saturated: a user may say "for ever".
  const std::int64_t now = os::now_ns();
  const std::int64_t end = now + std::min({budget, left, std::numeric_limits<std::int64_t>::max() - now});
  do {
    if (!shares_processor) {
      // A pause of 28 ns between looks costs less than the looks would cost the peer: each takes its line away.
      for (int i = 0; i < 64; ++i) {
        if (is_satisfied(incoming, space)) return spin_budget_.hit(), true;
        os::relax();
      }
    }
    // The peer may need this very processor, and others may too.
    os::yield();
    if (is_satisfied(incoming, space)) return spin_budget_.hit(), true;
  } while (os::now_ns() < end);
  if (budget <= left) spin_budget_.miss();  // one that ended before its time says nothing
  return false;
}

WaitEnd RingTransport::wait(const os::Deadline& deadline, bool incoming, std::size_t space) {
  throw_if_unreachable();
  const bool found = is_satisfied(incoming, space) || spin(incoming, space, deadline);
  WaitEnd end = found ? WaitEnd::changed : sleep(deadline, incoming, space);
  // A flood, of the peer or of a process that it has left behind, must not hide its end.
  found_in_a_row_ = found ? found_in_a_row_ + 1 : 0;
  if (found_in_a_row_ == kFoundInARow) {
    found_in_a_row_ = 0;
    if (peer_process_has_ended()) end = WaitEnd::peer_gone;
  }
  return report(end);
}

/// What a wait tells: an interrupt comes first, and what is known now is not waited for again.
WaitEnd RingTransport::report(WaitEnd end) noexcept {
  closes_waited_for_ = close_requests();
  if (!is_interrupted_.exchange(false, std::memory_order_acquire)) return end;  // pairs with the release in interrupt()
  if (armed_) armed_->interrupted.clear();
  return WaitEnd::interrupted;
}

std::chrono::nanoseconds RingTransport::begin_sleep(std::span<pollfd, kSleepFds> fds, bool incoming,
                                                    std::size_t space) {
  step("sleep: awake");
  own_->waiting.store(kSleeps | (incoming ? kWaitsForRecords : 0) | (space != 0 ? kWaitsForSpace : 0),
                      std::memory_order_relaxed);
  // The questions cost nearly as much as a poll, so that only a sleep asks them that follows one which nothing has ended.
  if (has_slept_in_vain_ && wake_in_ && !wake_in_.is_own()) is_lost_ = true;
  os::Event* event = armed_ ? &armed_->interrupted : os::thread_event();
  if (has_slept_in_vain_ && !armed_ && event != nullptr && !event->is_own()) {
    event->close();
    event = os::thread_event();
  }
  sleeps_on_.store(event, std::memory_order_release);  // pairs with interrupt()
  // Pairs with the fence in wake_if_waiting(): either we see what the peer published, or it sees the waiting word. And with that in
  // interrupt().
  std::atomic_thread_fence(std::memory_order_seq_cst);
  step("sleep: waiting word set");
  fds[0] = {hang_up_grace_ ? -1 : wake_in_.get(), POLLIN, 0};
  fds[1] = {event == nullptr ? -1 : event->fd(), POLLIN, 0};
  fds[2] = {peer_pidfd_, POLLIN, 0};
  fds[3] = {aside_fd_, POLLIN, 0};
  const bool is_peer_gone = hang_up_grace_ && peer_pidfd_ < 0;  // nothing would end the poll any more
  if (is_satisfied(incoming, space) || is_peer_gone || is_lost_) return std::chrono::nanoseconds::zero();
  std::chrono::nanoseconds longest = has_slept_in_vain_ ? std::chrono::nanoseconds::max() : kSleepUnchecked;
  if (hang_up_grace_) longest = std::clamp(hang_up_grace_->remaining(), std::chrono::nanoseconds(1), longest);
  return event == nullptr ? std::min<std::chrono::nanoseconds>(longest, kSleepWithoutEvent) : longest;
}

WaitEnd RingTransport::end_sleep(std::span<const pollfd, kSleepFds> fds) { return report(wake_up(fds)); }

WaitEnd RingTransport::wake_up(std::span<const pollfd, kSleepFds> fds) {
  WaitEnd end = WaitEnd::changed;
  has_slept_in_vain_ = std::ranges::none_of(fds, [](const pollfd& entry) { return entry.revents != 0; });
  if (fds[3].revents != 0) look_aside();
  if (fds[2].revents != 0) end = WaitEnd::peer_gone;
  // Also where interrupt() has set it after its flag was taken.
  if (os::Event* const event = sleeps_on_.load(std::memory_order_relaxed); event != nullptr && !armed_) {
    sleeps_on_.store(nullptr, std::memory_order_relaxed);  // relaxed: to be set too often does no harm
    // One that the program has closed is opened again by the next sleep.
    if ((fds[1].revents != 0 || is_interrupted()) && !event->clear()) event->close();
  } else if (fds[1].revents != 0) {
    armed_->interrupted.clear();
  }
  // A word that the peer has cleared meanwhile has a wake-up call behind it, which would end the next sleep for nothing. relaxed: a
  // hint
  const bool is_called = fds[0].revents != 0 || (fds[0].fd >= 0 && own_->waiting.load(std::memory_order_relaxed) == 0);
  if (is_called) note_drained(os::drain_wakes(wake_in_));
  if (!armed_) own_->waiting.store(0, std::memory_order_relaxed);  // relaxed: a wake-up call too many does no harm
  step("sleep: waiting word cleared");
  throw_if_unreachable();
  if (hang_up_grace_ && peer_pidfd_ < 0) end = WaitEnd::peer_gone;
  return end;
}

WaitEnd RingTransport::sleep(const os::Deadline& deadline, bool incoming, std::size_t space) {
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
  // A peer that keeps waking this end for nothing, or keeps printing, must not put the deadline off.
  is_over = is_over || (deadline.passed() && !is_satisfied(incoming, space));
  return is_over ? WaitEnd::timed_out : WaitEnd::changed;
}

void RingTransport::note_drained(os::Drained drained) noexcept {
  if (drained == os::Drained::hung_up) note_hang_up();
  if (drained == os::Drained::lost) is_lost_ = true;
}

void RingTransport::note_hang_up() noexcept {
  if (!hang_up_grace_) hang_up_grace_.emplace(kHangUpGrace);
}

bool RingTransport::peer_process_has_ended() const noexcept {
  pollfd fd = {peer_pidfd_, POLLIN, 0};
  return peer_pidfd_ >= 0 && os::poll_once({&fd, 1}, os::Deadline(std::chrono::seconds(0))) == os::PollEnd::ready;
}

bool RingTransport::peer_has_ended() {
  if (peer_pidfd_ >= 0) return peer_process_has_ended();
  pollfd fd = {wake_in_.get(), POLLIN, 0};
  return os::poll_once({&fd, 1}, os::Deadline(std::chrono::seconds(0))) == os::PollEnd::ready &&
         (fd.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

void RingTransport::throw_if_unreachable() const {
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

void RingTransport::look_aside() noexcept {
  if (aside_fd_ < 0 || empty_aside_()) return;
  try {
    if (armed_) armed_->epoll.remove(aside_fd_);  // at its end it would stay readable for ever
    aside_fd_ = -1;
  } catch (const std::system_error&) {
    // The next look tries again.
  }
}

void RingTransport::interrupt() noexcept {
  is_interrupted_.store(true, std::memory_order_release);  // pairs with the acquire in report()
  // Pairs with the fence in begin_sleep(): either we see what it sleeps on, or it sees the flag.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (os::Event* const event = sleeps_on_.load(std::memory_order_acquire)) event->set();  // pairs with begin_sleep()
}

// ---- loans ----

std::shared_ptr<Lender> RingTransport::lender() {
  if (lender_ == nullptr) {
    if (auto area = memory_->loans(end_)) lender_ = std::make_shared<Lender>(std::move(area));
  }
  return lender_;
}

Borrower* RingTransport::borrower() {
  if (borrower_ == nullptr && memory_->loan_shape().space != 0)
    borrower_ = std::make_unique<Borrower>(memory_, 1 - end_);
  return borrower_.get();
}

void RingTransport::check_fork_may_keep() const {
  if (lender_ == nullptr && (borrower_ == nullptr || !borrower_->is_used())) return;
  throw InvalidArgumentError(
      "this messenger has already sent or received loans (large values are lent, too): hand it over before");
}

// ---- event loops ----

/// A pipe that has hung up is readable for ever. From then on the peer's end is told by its pidfd, or what it is worth that
/// it lives on by the end of the grace.
void RingTransport::stop_watching_hung_up_pipe() {
  if (!armed_ || peer_pidfd_ < 0 || armed_->end_of_grace) return;
  pollfd end = {peer_pidfd_, POLLIN, 0};
  (void)os::poll_once({&end, 1}, os::Deadline(kHangUpToEnd));
  armed_->end_of_grace.emplace(hang_up_grace_->remaining());
  armed_->epoll.add(armed_->end_of_grace->fd(), EPOLLIN);
  armed_->epoll.remove(wake_in_.get());
}

int RingTransport::native_handle() {
  if (!armed_) {
    auto armed = std::make_unique<Armed>();
    armed->epoll.add(wake_in_.get(), EPOLLIN);
    armed->epoll.add(armed->interrupted.fd(), EPOLLIN);
    armed->epoll.add(armed->has_work.fd(), EPOLLIN);
    if (peer_pidfd_ >= 0) armed->epoll.add(peer_pidfd_, EPOLLIN);
    if (aside_fd_ >= 0) armed->epoll.add(aside_fd_, EPOLLIN);
    armed_ = std::move(armed);
    sleeps_on_.store(&armed_->interrupted, std::memory_order_release);  // pairs with interrupt(), which finds it made
    std::atomic_thread_fence(std::memory_order_seq_cst);                // as in begin_sleep()
    if (is_interrupted()) armed_->interrupted.set();
  }
  return armed_->epoll.fd();
}

void RingTransport::settle(bool has_work, std::uint32_t closes_known) noexcept {
  if (!armed_) return;
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
    has_work = consumer_.look() || consumer_.is_broken() || close_requests() != closes_known;
  }
  if (has_work == armed_->says_work) return;
  armed_->says_work = has_work;
  if (has_work) {
    armed_->has_work.set();
  } else {
    armed_->has_work.clear();
  }
}

// ---- forks ----

RingTransport::~RingTransport() {
  // Everything goes before its place in the table: a child that another thread forks meanwhile leaves what it finds there,
  // and would keep all else, for the peer to wait on.
  const os::ForkLock no_fork;
  leave_in_child();
}

void RingTransport::leave_in_child() noexcept {
  sleeps_on_.store(nullptr, std::memory_order_relaxed);  // relaxed: nobody else uses this any more
  armed_.reset();
  wake_in_.reset();
  wake_out_.reset();
  lender_.reset();
  borrower_.reset();
  memory_.reset();
}

void RingTransport::adopt_in_child() noexcept { belong_to_this_process(); }

void RingTransport::list_fds(std::vector<int>& fds) const {
  fds.insert(fds.end(), {wake_in_.get(), wake_out_.get(), memory_->fd().get()});
}

std::array<int, 3> RingTransport::fds_to_hand_over() const {
  if (!memory_->fd() || !may_be_handed_over_) {
    throw InvalidArgumentError("this messenger cannot be handed over: its link is a worker's, or has no shared memory");
  }
  if (!producer_.is_fresh() || !consumer_.is_fresh()) {
    throw InvalidArgumentError(
        "this messenger has already sent or received: it can be handed over only to a worker by StartMethod::fork");
  }
  return {memory_->fd().get(), wake_in_.get(), wake_out_.get()};
}

// ---- creation ----

namespace {

template <class MakeMemory>
auto make_pair_over(MakeMemory make_memory, Timeout spin) {
  const os::ForkLock no_fork;  // until both ends are registered, so that no child keeps a part of them
  std::shared_ptr<LinkMemory> memory = make_memory();
  os::Pipe to_0 = os::Pipe::create();
  os::Pipe to_1 = os::Pipe::create();
  return std::pair(
      std::make_unique<RingTransport>(memory, 0, std::move(to_0.read_end), std::move(to_1.write_end), spin),
      std::make_unique<RingTransport>(memory, 1, std::move(to_1.read_end), std::move(to_0.write_end), spin));
}

}  // namespace

std::pair<std::unique_ptr<RingTransport>, std::unique_ptr<RingTransport>> make_shm_pair(const LinkOptions& options) {
  check_link_options(options);
  return make_pair_over([&] { return LinkMemory::create_shared(options); }, options.spin);
}

std::unique_ptr<RingTransport> make_end_without_peer() {
  const os::ForkLock no_fork_before_it_is_registered;
  return std::make_unique<RingTransport>(LinkMemory::create_private({.ring_bytes = 4096}), 0, os::Fd(), os::Fd(),
                                         Timeout(std::chrono::seconds(0)));
}

std::unique_ptr<RingTransport> open_shm_end(int end, os::Fd memory, os::Fd wake_in, os::Fd wake_out, Timeout spin) {
  const os::ForkLock no_fork_before_it_is_registered;
  return std::make_unique<RingTransport>(LinkMemory::attach(std::move(memory)), end, std::move(wake_in),
                                         std::move(wake_out), spin);
}

std::pair<std::unique_ptr<RingTransport>, std::unique_ptr<RingTransport>> make_inproc_pair(const LinkOptions& options) {
  check_link_options(options);
  return make_pair_over([&] { return LinkMemory::create_private(options); }, options.spin);
}

}  // namespace coproc::inline v0::link
