// expect: calling function 'add' requires holding mutex 'mutex_'
#include "os/mutex.hpp"
class Guarded {
 public:
  void f() COPROC_EXCLUDES(mutex_) {
    const coproc::os::MutexLock lock(mutex_);
    const coproc::os::MutexUnlock unlocked(mutex_);
    add();
  }

 private:
  void add() COPROC_REQUIRES(mutex_) { ++value_; }

  coproc::os::Mutex mutex_;
  int value_ COPROC_GUARDED_BY(mutex_) = 0;
};
