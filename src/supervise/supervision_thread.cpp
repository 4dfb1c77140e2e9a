#include "coproc/supervision_thread.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <thread>
#include <utility>

#include "coproc/errors.hpp"
#include "os/fork_guard.hpp"

namespace coproc::inline v0 {

class SupervisionThread::State {
 public:
  State(std::function<std::chrono::nanoseconds()> look, std::chrono::nanoseconds every)
      : look_(std::move(look)), every_(every), thread_([this] { run(); }) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  bool is_own_process() const noexcept { return owner_ == os::fork_generation(); }
  std::unique_lock<std::mutex> lock() {
    std::unique_lock held(mutex_);
    if (thrown_ != nullptr) std::rethrow_exception(std::exchange(thrown_, nullptr));
    return held;
  }

 private:
  void run() {
    std::unique_lock held(mutex_);
    while (!is_over_) changed_.wait_for(held, std::min(look_once(), every_));
  }
  std::chrono::nanoseconds look_once() noexcept {
    try {
      return look_();
    } catch (const WorkerIsDeadError&) {
      return every_;  // the requests that fail say so themselves, and a limit that is reached is told to every call
    } catch (...) {
      thrown_ = std::current_exception();
      return every_;
    }
  }

  const unsigned long owner_ = os::fork_generation();
  const std::function<std::chrono::nanoseconds()> look_;
  const std::chrono::nanoseconds every_;
  std::mutex mutex_;  // also held by whoever uses the workers; guards what follows
  std::condition_variable changed_;
  bool is_over_ = false;
  std::exception_ptr thrown_;
  std::thread thread_;  // last, since it uses everything else
};

SupervisionThread::SupervisionThread(std::function<std::chrono::nanoseconds()> look, std::chrono::nanoseconds every) {
  if (every.count() <= 0) throw InvalidArgumentError("SupervisionThread: `every` is longer than 0");
  state_ = std::make_unique<State>(std::move(look), every);
}

SupervisionThread::~SupervisionThread() {
  if (!state_->is_own_process()) (void)state_.release();  // the mutex may be held there for ever, and nobody be joined
}

std::unique_lock<std::mutex> SupervisionThread::lock() {
  if (!state_->is_own_process()) {
    throw NotOwnerError(
        "lock: this process was forked from the one that has the SupervisionThread, and its workers "
        "belong to that one");
  }
  return state_->lock();
}

}  // namespace coproc::inline v0
