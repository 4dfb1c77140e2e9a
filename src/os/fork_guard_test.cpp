#include "os/fork_guard.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "os/child_for_test.hpp"
#include "os/fault.hpp"
#include "os/pipe.hpp"
#include "os/process_state.hpp"

namespace os = coproc::os;

namespace {

class Thing final : public os::ForkSensitive {
 public:
  const os::Pipe& pipe() const { return pipe_; }
  unsigned long generation() const { return generation_; }
  bool was_left() const { return was_left_; }
  void also_destroy(std::unique_ptr<Thing> other) { other_ = std::move(other); }

 private:
  void leave_in_child() noexcept override {
    was_left_ = true;
    pipe_ = {};
    other_.reset();
  }
  void adopt_in_child() noexcept override { generation_ = os::fork_generation(); }
  void list_fds(std::vector<int>& fds) const override { fds.push_back(pipe_.read_end.get()); }

  os::Pipe pipe_ = os::Pipe::create();
  unsigned long generation_ = os::fork_generation();
  bool was_left_ = false;
  std::unique_ptr<Thing> other_;
  os::ForkRegistration registration_{*this};
};

class Unregistered final : public os::ForkSensitive {
  void leave_in_child() noexcept override {}
};

int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST(ForkGuard, AnyForkLeavesEverything) {
  Thing first;
  Thing second;
  const int fd = first.pipe().read_end.get();
  const unsigned long before = os::fork_generation();
  EXPECT_EQ(os::testing::in_child([&] {  // a plain fork()
              if (!first.was_left() || !second.was_left()) return 1;
              if (os::is_open(fd)) return 2;
              return os::fork_generation() == before + 1 ? 0 : 3;
            }),
            0);
  EXPECT_FALSE(first.was_left());
  EXPECT_TRUE(os::is_open(fd));
  EXPECT_EQ(os::fork_generation(), before);
}

TEST(ForkGuard, KeptThingsAreAdopted) {
  Thing kept;
  Thing other;
  os::ForkSensitive* const keep[] = {&kept};
  const pid_t pid = os::fork_keeping(keep);
  if (pid == 0) {
    const bool good = !kept.was_left() && other.was_left() && kept.generation() == os::fork_generation() &&
                      os::is_open(kept.pipe().read_end.get());
    // In a child of the child, this object is left like any other.
    const int grandchild = os::testing::in_child([&] { return kept.was_left() ? 0 : 1; });
    ::_exit(good && grandchild == 0 ? 0 : 1);
  }
  EXPECT_EQ(wait_for(pid), 0);
  EXPECT_EQ(os::list_fds(keep), std::vector<int>{kept.pipe().read_end.get()});
}

TEST(ForkGuard, NothingIsKeptAtTheNextFork) {
  Thing kept;
  os::ForkSensitive* const keep[] = {&kept};
  const pid_t pid = os::fork_keeping(keep);
  if (pid == 0) ::_exit(0);
  wait_for(pid);
  EXPECT_EQ(os::testing::in_child([&] { return kept.was_left() ? 0 : 1; }), 0);
}

TEST(ForkGuard, LeavingMayDestroyOthers) {
  Thing owner;
  owner.also_destroy(std::make_unique<Thing>());
  Thing later;
  EXPECT_EQ(os::testing::in_child([&] { return owner.was_left() && later.was_left() ? 0 : 1; }), 0);
}

TEST(ForkGuard, KeepingWhatIsNotInTheTableIsRefused) {
  Unregistered object;
  os::ForkSensitive* const keep[] = {&object};
  EXPECT_THROW(os::fork_keeping(keep), std::logic_error);
}

TEST(ForkGuard, AFailedForkLeavesThingsAsTheyWere) {
  Thing thing;
  os::ForkSensitive* const keep[] = {&thing};
  os::arm_fault(1, EAGAIN);
  EXPECT_THROW(os::fork_keeping(keep), std::system_error);
  os::disarm_fault();
  EXPECT_FALSE(thing.was_left());
  EXPECT_EQ(os::testing::in_child([&] { return thing.was_left() ? 0 : 1; }), 0);  // the lock is free, nothing is kept
}

TEST(ForkGuard, AThreadMayForkWithTheLockHeld) {
  const os::ForkLock outer;
  const os::ForkLock inner;
  EXPECT_EQ(os::testing::in_child([] {
              Thing made_in_child;
              return 0;
            }),
            0);
}

std::mutex lock_of_another_library;

TEST(ForkGuard, AForkMeetsAnotherLibrarysHandlersOnlyInTheirOrder) {
  // This runs in a process of its own, since handlers of pthread_atfork() cannot be removed.
  const int code = os::testing::in_child([] {
    ::alarm(100 * COPROC_TEST_TIME_SCALE);  // before the watchdog, which would leave this child
    const Thing thing_of_this_child;        // its registration has installed this library's handlers before those:
    ::pthread_atfork([] { lock_of_another_library.lock(); }, [] { lock_of_another_library.unlock(); },
                     [] { lock_of_another_library.unlock(); });
    std::thread other([] {
      for (int i = 0; i < 300; ++i) os::testing::in_child([] { return 0; });
    });
    for (int i = 0; i < 300; ++i) {
      Thing kept;
      os::ForkSensitive* const keep[] = {&kept};
      const pid_t pid = os::fork_keeping(keep);
      if (pid == 0) ::_exit(kept.was_left() ? 1 : 0);
      if (wait_for(pid) != 0) ::_exit(2);
    }
    other.join();
    return 0;
  });
  EXPECT_EQ(code, 0);
}

TEST(ForkGuard, ForksNeverMeetHalfMadeThings) {
  std::atomic<bool> done{false};
  std::atomic<int> made{0};
  std::thread maker([&] {
    while (!done.load()) {
      const Thing first;
      const auto second = std::make_unique<Thing>();
      made.fetch_add(1);
    }
  });
  while (made.load() == 0) std::this_thread::yield();
  int bad = 0;
  for (int i = 0; i < 200; ++i) bad += os::testing::in_child([] { return 0; }) != 0;
  done.store(true);
  maker.join();
  EXPECT_EQ(bad, 0);
}

}  // namespace
