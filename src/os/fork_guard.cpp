#include "os/fork_guard.hpp"

#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <stdexcept>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace detail {
unsigned long fork_generation_value = 0;
}

/// The table. Constant-initialised and never destroyed: objects may come before it and forks after it.
struct ForkTable {
  static void lock() noexcept;
  static void unlock() noexcept;
  static void install() noexcept;
  static void link(ForkRegistration& entry) noexcept;
  static void unlink(ForkRegistration& entry) noexcept;
  static void sort_out_child() noexcept;
  static void check_registered(std::span<ForkSensitive* const> objects);
  static void append_fds(const ForkSensitive& object, std::vector<int>& fds) { object.list_fds(fds); }

  // The mutex itself is not recursive: glibc's recursive ones remember their owner's thread id, which is another one in
  // a forked child, so that the child could not unlock it.
  static constinit std::mutex mutex;
  static constinit thread_local int depth;
  static constinit ForkRegistration* first;                            // guarded by mutex
  static constinit thread_local std::span<ForkSensitive* const> kept;  // set during this thread's fork_keeping
  static constinit thread_local bool is_to_execute;                    // during its fork_to_execute
};

constinit std::mutex ForkTable::mutex;
constinit thread_local int ForkTable::depth = 0;
constinit ForkRegistration* ForkTable::first = nullptr;
constinit thread_local std::span<ForkSensitive* const> ForkTable::kept;
constinit thread_local bool ForkTable::is_to_execute = false;

void ForkTable::lock() noexcept {
  if (depth++ == 0) mutex.lock();
}

void ForkTable::unlock() noexcept {
  if (--depth == 0) mutex.unlock();
}

void ForkTable::install() noexcept {
  static const int installed = ::pthread_atfork(&ForkTable::lock, &ForkTable::unlock, [] {
    if (!is_to_execute) {
      ++detail::fork_generation_value;
      sort_out_child();
    }
    unlock();
  });
  (void)installed;
}

void ForkTable::link(ForkRegistration& entry) noexcept {
  entry.previous_ = nullptr;
  entry.next_ = first;
  if (first != nullptr) first->previous_ = &entry;
  first = &entry;
  entry.is_listed_ = true;
  entry.object_.registration_ = &entry;
}

void ForkTable::unlink(ForkRegistration& entry) noexcept {
  if (!entry.is_listed_) return;
  (entry.previous_ != nullptr ? entry.previous_->next_ : first) = entry.next_;
  if (entry.next_ != nullptr) entry.next_->previous_ = entry.previous_;
  entry.is_listed_ = false;
  entry.object_.registration_ = nullptr;
}

/// Each entry is taken out before it is called, since the call may destroy others.
void ForkTable::sort_out_child() noexcept {
  ForkRegistration* stays = nullptr;
  while (first != nullptr) {
    ForkRegistration& entry = *first;
    unlink(entry);
    if (std::find(kept.begin(), kept.end(), &entry.object_) != kept.end()) {
      entry.next_ = stays;
      stays = &entry;
    } else {
      entry.object_.leave_in_child();
    }
  }
  while (stays != nullptr) {
    ForkRegistration& entry = *stays;
    stays = entry.next_;
    link(entry);
    entry.object_.adopt_in_child();
  }
}

void ForkTable::check_registered(std::span<ForkSensitive* const> objects) {
  for (const ForkSensitive* object : objects) {
    if (object->registration_ == nullptr) {
      throw std::logic_error(
          "fork_keeping: an object that the child shall keep is not registered (it has no "
          "ForkRegistration, or was left behind by an earlier fork)");
    }
  }
}

namespace {

// Counts generations also in programs that never register anything.
[[maybe_unused]] const bool installed_early = (ForkTable::install(), true);

}  // namespace

ForkRegistration::ForkRegistration(ForkSensitive& object) : object_(object) {
  ForkTable::install();
  const ForkLock lock;
  ForkTable::link(*this);
}

ForkRegistration::~ForkRegistration() {
  const ForkLock lock;
  ForkTable::unlink(*this);
}

ForkLock::ForkLock() noexcept { ForkTable::lock(); }
ForkLock::~ForkLock() { ForkTable::unlock(); }

pid_t fork_keeping(std::span<ForkSensitive* const> keep) {
  ForkTable::install();
  {
    const ForkLock lock;
    ForkTable::check_registered(keep);
  }
  // From here on only the handlers of fork() take the lock. If this thread held it while it waits for the locks of
  // other handlers (those of another copy of coproc in this process, too), two threads that fork could each wait for
  // the other.
  ForkTable::kept = keep;
  const pid_t pid = call_once([] { return ::fork(); });
  const int error_number = errno;
  ForkTable::kept = {};
  errno = error_number;
  if (pid < 0) throw_errno("fork");
  return pid;
}

pid_t fork_to_execute() noexcept {
  ForkTable::is_to_execute = true;
  const pid_t pid = call_once([] { return ::fork(); });
  ForkTable::is_to_execute = false;
  return pid;
}

namespace {

/// Does what the C library's own fork would do for the child. Otherwise the child would use its parent's thread id,
/// and two workers could hold one recursive or robust mutex at once.
struct ThreadArea {
  void* thread_id = nullptr;
  void* robust_list = nullptr;
  std::size_t robust_list_size = 0;

  static ThreadArea own() {
    ThreadArea area;
    const bool has_list =
        call_once([&] { return ::syscall(SYS_get_robust_list, 0, &area.robust_list, &area.robust_list_size); }) == 0;
    const bool has_place = call_once([&] { return ::prctl(PR_GET_TID_ADDRESS, &area.thread_id, 0, 0, 0); }) == 0;
    if (has_list && has_place) return area;
    // A kernel without CONFIG_CHECKPOINT_RESTORE, or a filter. glibc keeps these side by side: pid_t tid, pid_t,
    // void*, list.
    constexpr std::size_t kBetween = 2 * sizeof(void*);
    if (has_place) {
      area.robust_list = static_cast<char*>(area.thread_id) + kBetween;
      area.robust_list_size = sizeof(robust_list_head);
      return area;
    }
    auto* const thread_id = has_list ? static_cast<char*>(area.robust_list) - kBetween : nullptr;
    pid_t there = 0;
    if (has_list) std::memcpy(&there, thread_id, sizeof there);
    if (there != ::gettid()) {
      errno = ENOTSUP;
      throw_errno("prctl", "PR_GET_TID_ADDRESS");
    }
    area.thread_id = thread_id;
    return area;
  }
};

constexpr std::uint64_t kCloneFlags = CLONE_PARENT | CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

pid_t clone3_for_parent(int& pidfd, void* thread_id) noexcept {
  clone_args arguments{};
  // The signal at its end is that of its parent's other children: with CLONE_PARENT none may be given here.
  arguments.flags = kCloneFlags;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.child_tid = reinterpret_cast<std::uintptr_t>(thread_id);
  return static_cast<pid_t>(call_once([&] { return ::syscall(SYS_clone3, &arguments, sizeof arguments); }));
}

/// The older call, for systems and filters (containers) that do not have or allow clone3.
pid_t clone_for_parent(int& pidfd, void* thread_id) noexcept {
  return static_cast<pid_t>(call_once([&] {
#if defined(__x86_64__)
    return ::syscall(SYS_clone, kCloneFlags, nullptr, &pidfd, thread_id, nullptr);
#else
    return ::syscall(SYS_clone, kCloneFlags, nullptr, &pidfd, nullptr, thread_id);
#endif
  }));
}

bool is_shortage(int error_number) noexcept { return error_number == EAGAIN || error_number == ENOMEM; }

}  // namespace

Cloned clone_for_parent() {
  ForkTable::install();
  const ForkLock lock;
  const ThreadArea area = ThreadArea::own();
  int pidfd = -1;
  pid_t pid = clone3_for_parent(pidfd, area.thread_id);
  if (pid < 0 && !is_shortage(errno)) pid = clone_for_parent(pidfd, area.thread_id);
  if (pid < 0) throw_errno("clone", "CLONE_PARENT|CLONE_PIDFD");
  if (pid > 0) return {pid, Fd(pidfd)};
  ::syscall(SYS_set_robust_list, area.robust_list, area.robust_list_size);
  ++detail::fork_generation_value;
  ForkTable::sort_out_child();
  return {0, Fd()};
}

std::vector<int> list_fds(std::span<ForkSensitive* const> objects) {
  std::vector<int> fds;
  for (const ForkSensitive* object : objects) ForkTable::append_fds(*object, fds);
  return fds;
}

}  // namespace coproc::inline v0::os
