// std::mutex with clang's thread safety annotations, which the standard library's mutex does not have.
//
// Thread safety: any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "os/thread_annotations.hpp"

namespace coproc::inline v0::os {

class COPROC_CAPABILITY("mutex") Mutex {
 public:
  constexpr Mutex() noexcept = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() COPROC_ACQUIRE() { mutex_.lock(); }
  void unlock() noexcept COPROC_RELEASE() { mutex_.unlock(); }
  bool try_lock() noexcept COPROC_TRY_ACQUIRE(true) { return mutex_.try_lock(); }
  /// Tells clang that this thread holds the mutex, where it cannot know that. It checks nothing.
  void assume_held() const noexcept COPROC_ASSERT_CAPABILITY(this) {}

  /// Waits for `changed`, as std::condition_variable::wait does: it unlocks the mutex meanwhile, and may return early.
  void wait(std::condition_variable& changed) COPROC_REQUIRES(this) {
    Held held(mutex_);
    changed.wait(held.lock);
  }
  /// The same, but for this time at most.
  void wait_for(std::condition_variable& changed, std::chrono::nanoseconds time) COPROC_REQUIRES(this) {
    Held held(mutex_);
    changed.wait_for(held.lock, time);
  }

 private:
  /// The lock that a condition variable wants. It leaves the mutex locked, also if pthread_cancel() ends the wait.
  struct Held {
    explicit Held(std::mutex& mutex) : lock(mutex, std::adopt_lock) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { lock.release(); }
    std::unique_lock<std::mutex> lock;
  };

  std::mutex mutex_;
};

/// Holds a mutex while it lives.
class [[nodiscard]] COPROC_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) COPROC_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() COPROC_RELEASE() { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

/// Lets go of a mutex that this thread holds, while it lives. What the mutex guards may have changed afterwards.
class [[nodiscard]] COPROC_SCOPED_CAPABILITY MutexUnlock {
 public:
  explicit MutexUnlock(Mutex& mutex) COPROC_RELEASE(mutex) : mutex_(mutex) { mutex_.unlock(); }
  MutexUnlock(const MutexUnlock&) = delete;
  MutexUnlock& operator=(const MutexUnlock&) = delete;
  ~MutexUnlock() COPROC_RELEASE() { mutex_.lock(); }  // clang's word for the end of any scope, also of this kind

 private:
  Mutex& mutex_;
};

}  // namespace coproc::inline v0::os
