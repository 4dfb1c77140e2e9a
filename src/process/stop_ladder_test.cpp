#include "process/stop_ladder.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "os/wait_hook.hpp"
#include "process/worker_for_test.hpp"

using namespace coproc;
using namespace coproc::process;
using namespace coproc::process::testing;
using namespace std::chrono_literals;

namespace {

int sleep_for_ever() {
  for (;;) ::pause();
}

void wait_until_stopped(const Child& child) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WSTOPPED | WNOWAIT) != 0) {}
}

/// Starts a child that writes to `ready` once its handler is set, so that no signal comes before.
Child start_ignoring_sigterm(const Report& ready, bool stops_itself) {
  Child child = start([&, stops_itself]() -> int {
    ::signal(SIGTERM, SIG_IGN);
    ready.write("r");
    if (stops_itself) ::raise(SIGSTOP);
    return sleep_for_ever();
  });
  ready.read<char>();
  if (stops_itself) wait_until_stopped(child);
  return child;
}

TEST(StopLadder, ACloseRequestIsEnough) {
  const Report close;
  Child child = start([&] {
    wait_readable(close.pipe().read_end.get());
    return 0;
  });
  const auto ask = [&] { close.write("c"); };
  const Rung rungs[] = {
      {StopRung::close_request, kForever, ask}, {StopRung::terminate, kForever}, {StopRung::kill, 10s}};
  const ExitStatus status = run_ladder(child, rungs, {});
  EXPECT_EQ(status.code(), 0);
  EXPECT_EQ(status.stopped_by, StopRung::close_request);
}

TEST(StopLadder, SigtermEndsOneThatDoesNotListen) {
  Child child = start(sleep_for_ever);
  bool asked = false;
  const auto ask = [&] { asked = true; };
  const Rung rungs[] = {{StopRung::close_request, 0s, ask}, {StopRung::terminate, kForever}, {StopRung::kill, 10s}};
  const ExitStatus status = run_ladder(child, rungs, {});
  EXPECT_TRUE(asked);
  EXPECT_EQ(status.signal(), SIGTERM);
  EXPECT_EQ(status.stopped_by, StopRung::terminate);
}

TEST(StopLadder, SigtermEndsAStoppedOne) {
  Child child = start([]() -> int {
    ::raise(SIGSTOP);
    return sleep_for_ever();
  });
  wait_until_stopped(child);
  const Rung rungs[] = {{StopRung::terminate, kForever}};
  EXPECT_EQ(run_ladder(child, rungs, {}).signal(), SIGTERM);
}

TEST(StopLadder, SigkillEndsTheRest) {
  for (const bool stops_itself : {false, true}) {
    const Report ready;
    Child child = start_ignoring_sigterm(ready, stops_itself);
    const Rung rungs[] = {{StopRung::close_request, 0s}, {StopRung::terminate, 20ms}, {StopRung::kill, kForever}};
    const ExitStatus status = run_ladder(child, rungs, {});
    EXPECT_EQ(status.signal(), SIGKILL);
    EXPECT_EQ(status.stopped_by, StopRung::kill);
  }
}

TEST(StopLadder, OneThatHasEndedIsOnlyReaped) {
  Child child = start([] { return 4; });
  wait_readable(child.wait_fd());
  bool acted = false;
  const auto act = [&] { acted = true; };
  const Rung rungs[] = {{StopRung::close_request, kForever, act}};
  const ExitStatus status = run_ladder(child, rungs, {});
  EXPECT_EQ(status.code(), 4);
  EXPECT_EQ(status.stopped_by, StopRung::none);
  EXPECT_FALSE(acted);
  EXPECT_EQ(run_ladder(child, rungs, {}).code(), 4);  // and once more
}

TEST(StopLadder, ACrashOnTheWayIsACrash) {
  const Report close;
  WorkerOptions quiet;
  quiet.stderr_ = DevNull{};
  Child child = start(
      [&] {
        wait_readable(close.pipe().read_end.get());
        return ::raise(SIGABRT);  // one that no sanitizer handles
      },
      quiet);
  const auto ask = [&] { close.write("c"); };
  const Rung rungs[] = {{StopRung::close_request, kForever, ask}, {StopRung::kill, 10s}};
  const ExitStatus status = run_ladder(child, rungs, {});
  EXPECT_EQ(status.signal(), SIGABRT);
  EXPECT_EQ(status.stopped_by, StopRung::none);
}

TEST(StopLadder, OneThatOutlivesTheLastRungIsSaidToLive) {
  Child child = start(sleep_for_ever);
  const Rung rungs[] = {{StopRung::close_request, 1ms}, {StopRung::close_request, 0s}};
  const ExitStatus status = run_ladder(child, rungs, {});
  EXPECT_TRUE(std::holds_alternative<NotYetEnded>(status.end));
  EXPECT_FALSE(child.try_reap());
}

TEST(StopLadder, AWorkerBlockedInASendIsDrained) {
  const Report data;
  ::fcntl(data.pipe().write_end.get(), F_SETFL, 0);  // its writes wait
  constexpr std::size_t kTotal = 1 << 20;
  Child child = start([&] {
    const std::vector<char> bytes(kTotal, 'x');
    std::size_t written = 0;
    while (written < kTotal) {
      const ssize_t n = ::write(data.pipe().write_end.get(), bytes.data() + written, kTotal - written);
      if (n <= 0) return 1;
      written += static_cast<std::size_t>(n);
    }
    return 0;
  });
  std::size_t received = 0;
  const auto drain = [&] {
    std::array<char, 4096> bytes;
    for (ssize_t n; (n = ::read(data.pipe().read_end.get(), bytes.data(), bytes.size())) > 0;) {
      received += static_cast<std::size_t>(n);
    }
  };
  const Rung rungs[] = {{StopRung::close_request, kForever}};
  EXPECT_EQ(run_ladder(child, rungs, {drain, data.pipe().read_end.get()}).code(), 0);
  EXPECT_EQ(received, kTotal);
}

TEST(StopLadder, DrainingGoesOnWithoutADescriptorThatSaysSo) {
  const Report gate;
  Child child = start([&] {
    wait_readable(gate.pipe().read_end.get());
    return 0;
  });
  int drained = 0;
  const auto drain = [&] {
    if (++drained == 5) gate.write("x");
  };
  EXPECT_EQ(wait_for_end(child, os::Deadline::forever(), {drain, -1})->code(), 0);
  EXPECT_GE(drained, 5);
}

TEST(StopLadder, ADescriptorThatStaysReadyDoesNoHarm) {
  Report hung_up;
  Child child = start([] {
    for (const os::Deadline busy(20ms); !busy.passed();) {}
    return 0;
  });
  hung_up.read_to_end();
  EXPECT_EQ(wait_for_end(child, os::Deadline::forever(), {{}, hung_up.pipe().read_end.get()})->code(), 0);
}

TEST(StopLadder, TheTimeOfAWaitIsKept) {
  Child child = start(sleep_for_ever);
  EXPECT_FALSE(wait_for_end(child, os::Deadline(0s), {}));
  const std::int64_t start_ns = os::now_ns();
  EXPECT_FALSE(wait_for_end(child, os::Deadline(15ms), {}));
  EXPECT_GE(os::now_ns() - start_ns, 15'000'000);
}

TEST(StopLadder, AnInterruptedWaitCallsTheHook) {
  struct sigaction action {};
  struct sigaction old {};
  action.sa_handler = [](int) {};
  ::sigaction(SIGUSR1, &action, &old);
  Child child = start([host = ::getpid()]() -> int {
    for (;;) ::kill(host, SIGUSR1);  // until one meets the wait
  });
  os::set_wait_hook([] { throw std::runtime_error("interrupted"); });
  EXPECT_THROW(wait_for_end(child, os::Deadline::forever(), {}), std::runtime_error);
  os::set_wait_hook(nullptr);
  child = Child();
  ::sigaction(SIGUSR1, &old, nullptr);
}

/// A process that exists in this test only, and that SIGTERM ends.
class ImaginedLife final : public Life {
 public:
  explicit ImaginedLife(std::string& log) : log_(log) {}

  pid_t pid() const noexcept override { return 4711; }
  bool is_owned() const noexcept override { return true; }
  int wait_fd() noexcept override { return end_.read_end.get(); }
  bool is_ended() noexcept override { return !end_.write_end; }
  std::optional<ExitStatus> try_reap() override {
    if (!is_ended()) return std::nullopt;
    log_ += "reaped ";
    return ExitStatus{.end = Signalled{SIGTERM}};
  }
  os::Signalling signal(int number, std::optional<std::uintptr_t> value) override {
    log_ += std::to_string(number) + (value ? '=' + std::to_string(*value) : "") + ' ';
    if (number == SIGTERM) end_.write_end.reset();
    return os::Signalling::sent;
  }
  void kill_group_at_end() noexcept override {}
  os::ProcessMemory memory() noexcept override { return {.now = 1, .peak = 2}; }

 private:
  std::string& log_;
  os::Pipe end_ = os::Pipe::create();
};

TEST(StopLadder, EndsWhateverHasALife) {
  std::string log;
  {
    Child child(std::make_unique<ImaginedLife>(log), nullptr);
    EXPECT_EQ(child.pid(), 4711);
    EXPECT_EQ(child.memory().peak, 2u);
    EXPECT_TRUE(child.signal(SIGUSR1, 7));
    const Rung rungs[] = {{StopRung::close_request, 1ms}, {StopRung::terminate, kForever}, {StopRung::kill, kForever}};
    const ExitStatus status = run_ladder(child, rungs, {});
    EXPECT_EQ(status.signal(), SIGTERM);
    EXPECT_EQ(status.stopped_by, StopRung::terminate);
    child.note_rung(StopRung::kill);  // too late to have ended it
    EXPECT_EQ(child.try_reap()->stopped_by, StopRung::terminate);
  }
  EXPECT_TRUE(log.starts_with(std::to_string(SIGUSR1) + "=7 " + std::to_string(SIGTERM) + ' ')) << log;
  EXPECT_EQ(log.find(std::to_string(SIGKILL) + ' '), std::string::npos) << log;
}

}  // namespace
