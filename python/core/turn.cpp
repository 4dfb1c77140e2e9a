#include "turn.hpp"

#include <pthread.h>
#include <pybind11/pybind11.h>
#include <sched.h>
#include <coproc/errors.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>

#include "lock.hpp"

namespace coproc_python {

namespace py = pybind11;

namespace {

/// One for all messengers, since two threads seldom want the same one.
struct Changes {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t count = 0;  // guarded by the mutex
};
alignas(Changes) unsigned char place_of_changes[sizeof(Changes)];
std::uint32_t process = 1;

Changes& changes() {
  static Changes* const made = [] {
    // A forked child has none of the threads, so a mutex that one of them holds would stay locked.
    ::pthread_atfork(nullptr, nullptr, [] {
      ++process;
      new (place_of_changes) Changes;
    });
    return new (place_of_changes) Changes;
  }();
  static_cast<void>(made);
  return *std::launder(reinterpret_cast<Changes*>(place_of_changes));
}

void announce_change() noexcept {
  {
    const std::lock_guard lock(changes().mutex);
    ++changes().count;
  }
  changes().changed.notify_all();
}

std::uint64_t change_count() {
  const std::lock_guard lock(changes().mutex);
  return changes().count;
}

/// Looks for signals every 50 ms.
void wait_for_change(std::uint64_t seen) {
  {
    const Unlocked unlocked;
    std::unique_lock lock(changes().mutex);
    changes().changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return changes().count != seen; });
  }
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace

/// If this process is a fork, the turns of its parent's threads mean nothing here.
void Turn::check_process() noexcept {
  if (process_ == process) return;
  process_ = process;
  depth_ = candidates_ = wait_depth_ = 0;
  user_ = waiter_ = 0;
  is_asleep_ = false;
}

bool Turn::try_begin(Kind kind) noexcept {
  check_process();
  const unsigned long self = PyThread_get_thread_ident();
  if (depth_ != 0 && user_ != self) return false;
  if (kind == Kind::wait) {
    if (has_other_waiter()) return false;
    waiter_ = self;
    ++wait_depth_;
  }
  user_ = self;
  ++depth_;
  return true;
}

bool Turn::has_other_waiter() const noexcept { return waiter_ != 0 && waiter_ != PyThread_get_thread_ident(); }

void Turn::wait_for_turn(Kind kind, AskFunction ask, void* context) {
  struct Candidate {
    explicit Candidate(int& counted) : count(counted) { ++count; }
    ~Candidate() { --count; }
    int& count;
  } candidate(candidates_);
  for (;;) {
    const std::uint64_t seen = change_count();
    if (kind == Kind::wait && has_other_waiter()) {
      throw coproc::ConcurrentUseError(
          "another thread waits for messages in this messenger: one thread at a time can, and others may send; give "
          "each its own, with new_pair()");
    }
    if (try_begin(kind)) return;
    if (is_asleep_) ask(context);
    wait_for_change(seen);
  }
}

void Turn::end(Kind kind) noexcept {
  if (--depth_ == 0) user_ = 0;
  if (kind == Kind::wait && --wait_depth_ == 0) waiter_ = 0;
  if (candidates_ != 0 || waiter_ != 0) announce_change();
}

void Turn::step_aside() {
  const int depth = depth_;
  depth_ = 0;
  user_ = 0;
  announce_change();
  struct Back {
    Turn& turn;
    int depth;
    ~Back() {
      turn.user_ = turn.waiter_;
      turn.depth_ = depth;
    }
  };
  for (;;) {
    const std::uint64_t seen = change_count();
    if (depth_ == 0 && candidates_ == 0) break;
    try {
      wait_for_change(seen);
    } catch (...) {
      // Ctrl-C: wait, without handling signals, until the thread that has the turn gives it back.
      while (depth_ != 0) {
        const Unlocked unlocked;
        sched_yield();
      }
      const Back back{*this, depth};
      throw;
    }
  }
  const Back back{*this, depth};
}

void bind_turn() { static_cast<void>(changes()); }

}  // namespace coproc_python
