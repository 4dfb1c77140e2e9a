// The event by which others end a thread's sleep. There is one for each thread that sleeps, whatever it sleeps on.
// One for each link would cost a descriptor for each worker of a host with hundreds.
//
// Thread safety: any thread, but no signal handler.
// Invariants: an object lives as long as the process, since another thread may be about to set it. It is closed when
// its thread ends, and the next thread that needs one takes it over; then it may be set once without reason. All are
// closed when the last user is gone, so that nothing stays behind.
#pragma once

#include "os/event.hpp"

namespace coproc::inline v0::os {

/// Anything that threads sleep on. Keeps the events open while it lives.
class ThreadEventUser {
 public:
  ThreadEventUser();
  ThreadEventUser(const ThreadEventUser&) = delete;
  ThreadEventUser& operator=(const ThreadEventUser&) = delete;
  ~ThreadEventUser();
};

/// The event of the calling thread, open at least until its next sleep; null: none can be made, and the sleep must be
/// a short one. REQUIRES: there is a user.
Event* thread_event() noexcept;

}  // namespace coproc::inline v0::os
