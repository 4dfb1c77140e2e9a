// expect: success
#include "os/mutex.hpp"
class Guarded {
 public:
  void f() COPROC_EXCLUDES(mutex_) {
    const coproc::os::MutexLock lock(mutex_);
    {
      const coproc::os::MutexUnlock unlocked(mutex_);
      g();
    }
    const auto add_until = [&](int end) COPROC_REQUIRES(mutex_) {
      while (value_ < end) add();
    };
    add_until(3);
    mutex_.wait(changed_);
  }
  void g() COPROC_EXCLUDES(mutex_) {
    const coproc::os::MutexLock lock(mutex_);
    add();
  }

 private:
  void add() COPROC_REQUIRES(mutex_) { ++value_; }

  coproc::os::Mutex mutex_;
  std::condition_variable changed_;
  int value_ COPROC_GUARDED_BY(mutex_) = 0;
};
