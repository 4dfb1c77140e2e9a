// Keeps pthread_cancel() away from calls that no thread may end in.
//
// Thread safety: of the calling thread.
#pragma once

#include <pthread.h>

namespace coproc::inline v0::os {

/// While it lives, a thread that is cancelled goes on. Almost every system call is a point at which a cancelled thread ends
/// by an unwinding that nobody may catch, and that ends the program where it meets a destructor or `noexcept`. So the waits
/// for a peer, which may last for ever, are the only ones (poll_slice()); they unwind as from any exception.
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
