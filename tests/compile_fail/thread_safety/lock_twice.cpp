// expect: cannot call function 'add' while mutex 'mutex_' is held
#include "os/mutex.hpp"
class Guarded {
 public:
  void add() COPROC_EXCLUDES(mutex_) {
    const coproc::os::MutexLock lock(mutex_);
    ++value_;
  }
  void add_twice() COPROC_EXCLUDES(mutex_) {
    const coproc::os::MutexLock lock(mutex_);
    add();
  }

 private:
  coproc::os::Mutex mutex_;
  int value_ COPROC_GUARDED_BY(mutex_) = 0;
};
