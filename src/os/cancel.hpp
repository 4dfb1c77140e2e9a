// Keeps pthread_cancel() from ending a thread inside a call.
//
// Thread safety: affects the calling thread only.
#pragma once

#include <pthread.h>

namespace coproc::inline v0::os {

/// While it lives, pthread_cancel() does not end this thread. Almost every system call is a cancellation point, where a
/// cancelled thread is unwound in a way that nobody may catch, and that ends the program if it meets a destructor or
/// `noexcept`. So the only cancellation points of this library are the waits for a peer, which may last for ever
/// (poll_slice()); they unwind as by any exception.
class NoCancel {
 public:
  NoCancel() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  NoCancel(const NoCancel&) = delete;
  NoCancel& operator=(const NoCancel&) = delete;
  ~NoCancel() { ::pthread_setcancelstate(before_, nullptr); }

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace coproc::inline v0::os
