// expect: reading variable 'value_' requires holding mutex 'mutex_'
#include "os/mutex.hpp"
class Guarded {
 public:
  int value() const { return value_; }

 private:
  coproc::os::Mutex mutex_;
  int value_ COPROC_GUARDED_BY(mutex_) = 0;
};
int f(const Guarded& guarded) { return guarded.value(); }
