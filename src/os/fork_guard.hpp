// The one process-wide table of things that a forked child must not keep, whichever code forks.
//
// Thread safety: registration and forks from any thread; both hold one lock, so that no fork sees half a registration.
// Invariants: an object is in the table exactly while its ForkRegistration lives.
//
//   class Link final : public os::ForkSensitive {
//     ...
//     os::ForkRegistration registration_{*this};   // the LAST member of a FINAL class: made after all others,
//   };                                             // destroyed before all others, so that a fork in another thread
//                                                  // never meets a half-made object
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

namespace detail {
extern unsigned long fork_generation_value;
}

/// The number of forks between the program's start and this process. An object that stores it when it is made can
/// tell whether it is still in the process that made it.
inline unsigned long fork_generation() noexcept { return detail::fork_generation_value; }

class ForkRegistration;

class ForkSensitive {
 public:
  ForkSensitive(const ForkSensitive&) = delete;
  ForkSensitive& operator=(const ForkSensitive&) = delete;

 protected:
  ForkSensitive() = default;
  virtual ~ForkSensitive() = default;

 private:
  friend class ForkRegistration;
  friend struct ForkTable;

  /// Called in a child: closes and unmaps, without a message to the peer. Called once, with the table's lock held.
  virtual void leave_in_child() noexcept = 0;
  /// Called in a child that keeps this object: stores the new fork_generation().
  virtual void adopt_in_child() noexcept {}
  /// Appends the descriptors that must stay open in a child that keeps this object.
  virtual void list_fds(std::vector<int>&) const {}

  ForkRegistration* registration_ = nullptr;  // guarded by the table's lock
};

/// An entry of the table. See the example above for where it belongs.
class ForkRegistration {
 public:
  explicit ForkRegistration(ForkSensitive& object);
  ForkRegistration(const ForkRegistration&) = delete;
  ForkRegistration& operator=(const ForkRegistration&) = delete;
  ~ForkRegistration();

 private:
  friend struct ForkTable;
  ForkSensitive& object_;
  ForkRegistration* previous_ = nullptr;  // this and next_: guarded by the table's lock
  ForkRegistration* next_ = nullptr;
  bool is_listed_ = false;
};

/// Prevents every fork of the program while it lives. Hold it from the making of descriptors until they are
/// registered. The same thread may hold it more than once.
class [[nodiscard]] ForkLock {
 public:
  ForkLock() noexcept;
  ForkLock(const ForkLock&) = delete;
  ForkLock& operator=(const ForkLock&) = delete;
  ~ForkLock();
};

/// fork() whose child keeps the objects in `keep` (adopt_in_child) and leaves all others that are registered
/// (leave_in_child). Returns 0 in the child. Throws std::system_error; std::logic_error if one of `keep` is not
/// registered. REQUIRES: this thread holds no ForkLock, and no other thread destroys one of `keep` meanwhile.
pid_t fork_keeping(std::span<ForkSensitive* const> keep);

/// fork() whose child has everything that is registered, and must execute a program at once. Returns 0 in the child,
/// -1 if it fails.
pid_t fork_to_execute() noexcept;

/// In a process with one thread: makes a child of this process's parent, and a pidfd of it. The child (pid 0) leaves
/// everything that is registered. The program's own pthread_atfork handlers do not run. Throws std::system_error;
/// ENOTSUP if the kernel cannot tell what the C library needs to know (CONFIG_CHECKPOINT_RESTORE).
struct Cloned {
  pid_t pid;
  Fd pidfd;
};
Cloned clone_for_parent();

/// The descriptors of `objects`.
std::vector<int> list_fds(std::span<ForkSensitive* const> objects);

}  // namespace coproc::inline v0::os
