// The event by which others end a thread's sleep: one for each thread that sleeps, whatever it sleeps for. One for each thing to sleep on
// would take a descriptor for each worker of a host with hundreds.
//
// Thread safety: any thread; of signal handlers none.
// Invariants: the object lives as long as the process, since another thread may be about to set it. When its thread ends it is closed, and
// the next thread that needs one has it: then it may be set without reason, once. All are closed when the last of their users goes, so that
// nothing stays behind.
#pragma once

#include "os/event.hpp"

namespace coproc::inline v0::os {

/// Something that threads sleep on.
class ThreadEventUser {
 public:
  ThreadEventUser();
  ThreadEventUser(const ThreadEventUser&) = delete;
  ThreadEventUser& operator=(const ThreadEventUser&) = delete;
  ~ThreadEventUser();
};

/// The calling thread's, open, until the next sleep at least; null: there is none to be had, and the sleep must be a short one.
/// REQUIRES: there is a user.
Event* thread_event() noexcept;

}  // namespace coproc::inline v0::os
