#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <vector>

#include "coproc/errors.hpp"
#include "coproc/monitor_recorder.hpp"

namespace coproc::inline v0::monitor {

using namespace std::chrono_literals;

namespace {

/// A child that lives until it is ended.
class Child {
 public:
  Child() : pid_(::fork()) { live(); }
  /// With this pid, which must be free.
  explicit Child(pid_t pid) {
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    arguments.set_tid = reinterpret_cast<std::uint64_t>(&pid);
    arguments.set_tid_size = 1;
    pid_ = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
    live();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  pid_t pid() const { return pid_; }
  void kill() const { ::kill(pid_, SIGKILL); }
  void end() {
    if (pid_ <= 0) return;
    kill();
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  void live() const {
    while (pid_ == 0) ::pause();
  }
  pid_t pid_ = 0;
};

std::vector<ProcessSeries> with_pid(const MonitorResult& result, int pid) {
  std::vector<ProcessSeries> found;
  std::copy_if(result.processes.begin(), result.processes.end(), std::back_inserter(found),
               [&](const ProcessSeries& series) { return series.pid == pid; });
  return found;
}

}  // namespace

TEST(MonitorRecorder, FindsAChildAtTheNextSampleAndSeesItsEnd) {
  MonitorRecorder recorder({});
  Child child;
  recorder.sample();
  ASSERT_EQ(with_pid(recorder.result(), child.pid()).size(), 1u);
  EXPECT_EQ(with_pid(recorder.result(), child.pid()).front().parent, ::getpid());
  const pid_t pid = child.pid();
  child.end();
  recorder.sample();
  const ProcessSeries series = with_pid(recorder.result(), pid).front();
  EXPECT_TRUE(series.has_ended);
  EXPECT_EQ(series.samples.size(), 1u);
}

TEST(MonitorRecorder, AZombieHasEnded) {
  const Child child;
  MonitorRecorder recorder({});
  child.kill();
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT);
  recorder.sample();
  EXPECT_TRUE(with_pid(recorder.result(), child.pid()).front().has_ended);
}

TEST(MonitorRecorder, APidThatIsUsedAgainIsAnotherProcess) {
  Child first;
  MonitorRecorder recorder({});
  const pid_t pid = first.pid();
  // Processes that began in one hundredth of a second cannot be told apart, and the kernel does not do this.
  ::usleep(30'000);
  first.end();
  const Child second(pid);
  if (second.pid() != pid) GTEST_SKIP() << "may not choose pids here";
  recorder.sample();
  const auto both = with_pid(recorder.result(), pid);
  ASSERT_EQ(both.size(), 2u);
  EXPECT_TRUE(both[0].has_ended);
  EXPECT_FALSE(both[1].has_ended);
  EXPECT_EQ(both[0].samples.size(), 1u);
  EXPECT_EQ(both[1].samples.size(), 1u);
}

TEST(MonitorRecorder, WithoutChildrenItWatchesOneProcess) {
  const Child child;
  MonitorRecorder recorder({.include_children = false});
  recorder.sample();
  ASSERT_EQ(recorder.result().processes.size(), 1u);
  EXPECT_EQ(recorder.result().processes.front().pid, ::getpid());
  EXPECT_EQ(recorder.result().processes.front().samples.size(), 2u);
}

TEST(MonitorRecorder, ForgetsWhatHasEndedAndNotWhatLives) {
  Child lives;
  MonitorRecorder recorder({.processes = 4});
  for (int i = 0; i < 10; ++i) {
    Child child;
    recorder.sample();
    child.end();
    recorder.sample();
  }
  const MonitorResult result = recorder.result();
  EXPECT_EQ(result.processes.size(), 4u);
  EXPECT_EQ(result.processes.size() + result.forgotten_processes, 12u);
  EXPECT_EQ(result.processes.front().pid, ::getpid());
  EXPECT_EQ(with_pid(result, lives.pid()).size(), 1u);
}

TEST(MonitorRecorder, ThePeakOfAllCountsSharedPagesOnce) {
  constexpr std::size_t kBytes = 8 << 20;
  void* const memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  std::memset(memory, 1, kBytes);
  const pid_t child = ::fork();
  if (child == 0) {
    std::memset(memory, 2, kBytes);  // so that it has these pages, too
    ::raise(SIGSTOP);
  }
  ::waitpid(child, nullptr, WUNTRACED);
  MonitorRecorder recorder({});
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::munmap(memory, kBytes);
  const MonitorResult result = recorder.result();
  const MonitorSample host = result.processes.front().samples.back();
  const MonitorSample its = with_pid(result, child).front().samples.back();
  EXPECT_GE(std::min(host.shared_bytes, its.shared_bytes), kBytes);
  EXPECT_GE(result.peak_bytes,
            host.private_bytes() + its.private_bytes() + std::max(host.shared_bytes, its.shared_bytes));
  EXPECT_LE(result.peak_bytes, host.resident_bytes + its.resident_bytes - kBytes);
}

TEST(MonitorRecorder, ATimeThatWasMissedIsNotMadeUpFor) {
  MonitorRecorder recorder({.interval = 1ms});
  ::usleep(20'000);
  EXPECT_EQ(recorder.until_next_sample(), 0s);
  recorder.sample();
  recorder.sample();
  EXPECT_GT(recorder.until_next_sample(), 0s);
}

TEST(MonitorRecorder, KeepsNotesInTheOrderOfTheirTimes) {
  MonitorRecorder recorder({});
  recorder.note({.time = 5ms, .text = "second"});
  recorder.note({.time = 2ms, .text = "first"});
  EXPECT_EQ(recorder.result().notes.front().text, "first");
}

TEST(MonitorRecorder, RefusesWhatCannotBe) {
  EXPECT_THROW(MonitorRecorder({.pid = -1}), InvalidArgumentError);
  EXPECT_THROW(MonitorRecorder({.interval = 0s}), InvalidArgumentError);
  EXPECT_THROW(MonitorRecorder({.samples = 1}), InvalidArgumentError);
  EXPECT_THROW(MonitorRecorder({.processes = 0}), InvalidArgumentError);
  EXPECT_THROW(MonitorRecorder({.save_at_end = "x.png"}), InvalidArgumentError);
  pid_t ended;
  {
    const Child child;
    ended = child.pid();
  }
  EXPECT_THROW(MonitorRecorder({.pid = ended}), InvalidArgumentError);
}

}  // namespace coproc::inline v0::monitor
