// A pool in the host's own event loop: its descriptor, and the call that does what is to be done.
#include "pool/event_loop.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <system_error>

#include "coproc/errors.hpp"
#include "messenger/refused.hpp"
#include "os/cancel.hpp"
#include "os/clock.hpp"
#include "os/poll.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::pool {

EventLoop::EventLoop(std::size_t slots) : links_(slots, pollfd{-1, POLLIN, 0}) {
  epoll_.add(timer_.fd(), EPOLLIN);
  epoll_.add(event_.fd(), EPOLLIN);
}

EventLoop::~EventLoop() {
  const os::ForkLock no_fork;  // see Link::~Link()
  event_.close();
  leave_in_child();
}

void EventLoop::leave_in_child() noexcept {
  epoll_.close();
  timer_.close();
  event_.close_in_child();
}

void EventLoop::watch(std::size_t slot, int link) {
  epoll_.add(link, EPOLLIN);
  links_[slot] = {link, POLLIN, 0};
}

void EventLoop::stop_watching(std::size_t slot) noexcept {
  try {
    epoll_.remove(links_[slot].fd);
  } catch (const std::system_error&) {
    // The program has closed the descriptor, so that it is not watched any more.
  }
  links_[slot] = {-1, POLLIN, 0};
}

void EventLoop::look() noexcept {
  for (pollfd& link : links_) link.revents = 0;
  try {
    (void)os::poll_once(links_, os::Deadline(std::chrono::seconds(0)));
  } catch (const std::system_error&) {
    // The descriptor stays readable, and the next call looks again.
  }
}

void EventLoop::set_due(std::int64_t at) noexcept {
  const std::int64_t now = os::now_ns();
  if (at >= due_ && due_ > now) return;
  if (at == kNever && due_ == kNever) return;
  try {
    if (at == kNever) {
      timer_.clear();
    } else {
      timer_.set(std::chrono::nanoseconds(std::max<std::int64_t>(0, at - now)));
    }
    due_ = at;
  } catch (const std::system_error&) {
    // The program has closed the descriptor, and with it that of its loop.
  }
}

void EventLoop::make_readable() noexcept {
  if (is_event_set_) return;
  is_event_set_ = true;
  event_.set();
}

void EventLoop::clear() noexcept {
  if (!is_event_set_) return;
  is_event_set_ = false;
  (void)event_.clear();
}

}  // namespace coproc::inline v0::pool

namespace coproc::inline v0::detail {

namespace {

/// The interval at which the loop is woken if the system refuses to watch a worker's link.
constexpr std::int64_t kLookAtUnwatchedEvery = 10'000'000;  // ns

}  // namespace

int PoolCore::native_handle() {
  if (options_.background) {
    throw InvalidArgumentError(
        "a pool with PoolOptions::background has no native handle, since its own thread does all that a loop would be "
        "woken for: leave the option out to let a loop drive the pool");
  }
  const Lock lock(*this);
  if (event_loop_ == nullptr) {
    const std::size_t slots = slots_.size();
    event_loop_ = name_refusals("the pool has no native handle", [slots] {
      const os::ForkLock no_fork_before_it_is_registered;
      return std::make_unique<pool::EventLoop>(slots);
    });
    if (is_driving_) wake_driver();  // the thread that uses the links has to make their descriptors
  }
  return event_loop_->fd();
}

void PoolCore::drive_without_waiting() {
  const Lock lock(*this);
  poll();
  if (event_loop_ != nullptr && (!is_driving_ || is_napping_)) collect_readable();
  if (!is_driving_) start_missing_without_waiting();
  if (event_loop_ == nullptr) return;
  event_loop_->has_news = false;  // the caller knows that it has to look
  event_loop_->clear();
}

/// Takes in what makes links readable although no answer has arrived: errors, and ends of workers.
void PoolCore::collect_readable() noexcept {
  if (is_ended_) return;
  const os::NoCancel stays;
  event_loop_->look();
  bool any = false;
  for (const auto& slot : slots_) {
    if (!event_loop_->is_readable(slot->number) || slot.get() == asked_) continue;
    collect_woken(*slot);
    any = true;
  }
  if (any) pump();
}

/// Makes the descriptor of the event loop, if there is one, readable if and only if there is something to do, now or
/// once something arrives. Call before the mutex is unlocked.
/// REQUIRES: this thread drives, or no thread uses the messengers while the mutex is unlocked.
void PoolCore::arm_event_loop() noexcept {
  if (event_loop_ == nullptr) return;
  const os::NoCancel stays;
  pool::EventLoop& loop = *event_loop_;
  std::int64_t due = pool::EventLoop::kNever;
  for (const auto& slot : slots_) {
    if (!is_stopped_) due = std::min(due, next_look(*slot, loop.looked_at));
    const bool is_asked = slot.get() == asked_;
    const bool is_awaited = !is_stopped_ && (is_asked || (slot->is_open() && may_take_from(*slot)));
    if (is_awaited == loop.is_watching(slot->number)) continue;
    if (!is_awaited) {
      loop.stop_watching(slot->number);
      continue;
    }
    try {
      loop.watch(slot->number, is_asked ? slot->worker().start_handle() : slot->messenger().native_handle());
    } catch (const std::exception&) {
      due = std::min(due, os::now_ns() + kLookAtUnwatchedEvery);
    }
  }
  loop.set_due(due);
  if (loop.has_news) loop.make_readable();
}

}  // namespace coproc::inline v0::detail
