// How the end of a worker on another machine is told: with its status, after everything that it sent and printed.
#include <gtest/gtest.h>

#include "machines/here.hpp"
#include "support/process.hpp"
#include "support/temporary_file.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::OutputFile;
using coproc::PriorityMessenger;
using coproc::StopRung;
using coproc::WorkerResource;

namespace {

void wait_for_ever(PriorityMessenger& host) {
  host.send_norequest(static_cast<int>(::getpid()));
  host.receive_blocking<int>();
}

TEST(MachineEnds, ACloseRequestStopsIt) {
  WorkerResource worker{&wait_for_ever, {.machine = machines::here()}};
  worker.start();
  EXPECT_TRUE(worker.is_alive());
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), worker.pid());
  const ExitStatus status = worker.stop(machines::kPatient);
  EXPECT_TRUE(status.success()) << status.describe();
  EXPECT_EQ(status.stopped_by, StopRung::close_request);
  EXPECT_GT(status.resources.peak_memory_kib, 0);
  EXPECT_FALSE(worker.is_alive());
  worker.start();  // restartable
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), worker.pid());
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

void ignore_everything(PriorityMessenger& host) {
  ::signal(SIGTERM, SIG_IGN);
  host.send_norequest(1);
  support::sleep_for_ever();
}

TEST(MachineEnds, SIGKILLStopsAWorkerThatHeedsNothingElse) {
  WorkerResource worker{&ignore_everything, {.machine = machines::here()}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  const ExitStatus status = worker.stop({.close = 10ms, .terminate = 10ms});
  EXPECT_EQ(status.signal(), SIGKILL) << status.describe();
  EXPECT_EQ(status.stopped_by, StopRung::kill);
}

void heed_sigterm(PriorityMessenger& host) {
  host.send_norequest(1);
  support::sleep_for_ever();
}

TEST(MachineEnds, SIGTERMOfItsHostReachesIt) {
  WorkerResource worker{&heed_sigterm, {.machine = machines::here()}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  worker.terminate();
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGTERM) << status.describe();
  EXPECT_EQ(status.stopped_by, StopRung::terminate);
}

TEST(MachineEnds, TheDestructorLeavesNothingBehind) {
  int pid = 0;
  pid_t near = 0, far = 0;
  {
    WorkerResource worker{&ignore_everything, {.stop = {.close = 0s, .terminate = 0s}, .machine = machines::here()}};
    worker.start();
    worker.messenger().receive_blocking<int>();
    pid = worker.pid();
    near = machines::near_agent();
    far = machines::far_agent();
    EXPECT_FALSE(machines::has_ended(far));
  }
  for (const pid_t process : {pid, near, far}) EXPECT_TRUE(machines::has_ended(process));
}

void send_and_die(PriorityMessenger& host, int count, std::size_t bytes, int signal) {
  // Messages that nobody will receive are there, too.
  while (host.available("unread") < 10) {}
  for (int i = 0; i < count; ++i) host.send_norequest(std::pair(i, std::string(bytes, 'm')));
  ::raise(signal);
}

TEST(MachineEnds, promise_01_WhatADeadWorkerSentIsDeliveredBeforeItsDeathIsTold) {
  // From what fits into one frame to what fills rings and windows many times.
  for (const auto& [count, bytes] : {std::pair(1, std::size_t{10}), std::pair(1000, std::size_t{100}),
                                     std::pair(40, std::size_t{100'000}), std::pair(3, std::size_t{3'000'000})}) {
    WorkerResource worker{&send_and_die, {.report_crashes = false, .machine = machines::here()}};
    worker.start(count, bytes, SIGKILL);
    for (int i = 0; i < 10; ++i) worker.messenger().send_norequest(i, "unread");
    int received = 0;
    const ExitStatus status = machines::receive_until_death(worker, [&](auto& messenger) {
      const auto [number, text] = messenger.template receive_blocking<std::pair<int, std::string>>();
      EXPECT_EQ(number, received);
      EXPECT_EQ(text.size(), bytes);
      ++received;
    });
    EXPECT_EQ(received, count);
    EXPECT_EQ(status.signal(), SIGKILL) << status.describe();
  }
}

TEST(MachineEnds, promise_01_WhatHadToWaitForTheWindowWhenItDiedIsDeliveredLater) {
  // The host's ring and the window are full of them, and some wait in the worker's own ring.
  constexpr int kCount = ((1 << 20) + 40'000) / 1040;
  WorkerResource worker{&send_and_die, {.report_crashes = false, .machine = machines::here()}};
  worker.start(kCount, std::size_t{990}, SIGKILL);
  for (int i = 0; i < 10; ++i) worker.messenger().send_norequest(i, "unread");
  while (!machines::has_ended(worker.pid())) ::usleep(1000);
  EXPECT_TRUE(worker.is_alive()) << "its end was told before its messages could be here";
  int received = 0;
  const ExitStatus status = machines::receive_until_death(worker, [&](auto& messenger) {
    const auto [number, text] = messenger.template receive_blocking<std::pair<int, std::string>>();
    EXPECT_EQ(number, received++);
  });
  EXPECT_EQ(received, kCount);
  EXPECT_EQ(status.signal(), SIGKILL) << status.describe();
}

[[gnu::noinline]] void where_it_gives_up() { std::abort(); }

void crash(PriorityMessenger& host) {
  host.send_norequest(1);
  where_it_gives_up();
}

TEST(MachineEnds, ACrashComesWithItsStack) {
  WorkerResource worker{&crash, {.machine = machines::here()}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGABRT) << status.describe();
  std::string stack;
  for (const std::string& line : status.stack) stack += line + '\n';
  EXPECT_NE(stack.find("where_it_gives_up"), std::string::npos) << stack;
}

void throw_something(PriorityMessenger&) { throw std::invalid_argument("no such thing"); }

TEST(MachineEnds, promise_07_AnExceptionThatLeavesTheTargetReachesTheHost) {
  WorkerResource worker{&throw_something, {.machine = machines::here()}};
  worker.start();
  EXPECT_THROW(worker.messenger().receive_blocking<int>(), std::invalid_argument);
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.code(), 1);
  EXPECT_NE(status.exception_text.find("no such thing"), std::string::npos) << status.exception_text;
}

void exit_with(PriorityMessenger&, int code) { std::exit(code); }

TEST(MachineEnds, TheExitCodeIsTheWorkersOwn) {
  for (const int code : {0, 7, 255}) {
    WorkerResource worker{&exit_with, {.machine = machines::here()}};
    worker.start(code);
    EXPECT_EQ(worker.join().code(), code);
  }
}

void print_and_die(PriorityMessenger&, int lines) {
  for (int i = 0; i < lines; ++i) std::printf("out %d\n", i);
  std::fflush(stdout);
  for (int i = 0; i < lines; ++i) std::fprintf(stderr, "err %d\n", i);
  ::raise(SIGKILL);
}

TEST(MachineEnds, EverythingThatItPrintedIsThereWhenItsEndIsTold) {
  for (const int lines : {1, 1000, 300'000}) {
    const support::TemporaryFile out, err;
    WorkerResource worker{
        &print_and_die,
        {.stdout_ = OutputFile{out.path()}, .stderr_ = OutputFile{err.path()}, .machine = machines::here()}};
    worker.start(lines);
    EXPECT_EQ(worker.join().signal(), SIGKILL);
    std::string expected_out, expected_err;
    for (int i = 0; i < lines; ++i) {
      expected_out += "out " + std::to_string(i) + '\n';
      expected_err += "err " + std::to_string(i) + '\n';
    }
    EXPECT_TRUE(out.text() == expected_out) << out.text().size() << " of " << expected_out.size() << " bytes";
    EXPECT_TRUE(err.text() == expected_err) << err.text().size() << " of " << expected_err.size() << " bytes";
  }
}

void print_out_and_die(PriorityMessenger&, int lines) {
  for (int i = 0; i < lines; ++i) std::printf("out %d\n", i);
  std::fflush(stdout);
  ::raise(SIGKILL);
}

TEST(MachineEnds, WhatWaitsForAReaderWhenItDiesIsWrittenLater) {
  // More than the host's pipe and the window hold, and less than the worker's own pipe holds besides.
  constexpr int kLines = 170'000;
  support::Pipe pipe;
  WorkerResource worker{&print_out_and_die,
                        {.stdout_ = coproc::FileDescriptor{pipe.write_fd()}, .machine = machines::here()}};
  worker.start(kLines);
  pipe.close_write_end();
  while (!machines::has_ended(worker.pid())) ::usleep(1000);
  EXPECT_TRUE(worker.is_alive()) << "its end was told before its output could be written";
  std::string text;
  char bytes[65536];
  for (ssize_t got; (got = ::read(pipe.read_fd(), bytes, sizeof bytes)) > 0;) {
    text.append(bytes, static_cast<std::size_t>(got));
  }
  std::string expected;
  for (int i = 0; i < kLines; ++i) expected += "out " + std::to_string(i) + '\n';
  EXPECT_TRUE(text == expected) << text.size() << " of " << expected.size() << " bytes";
  EXPECT_EQ(worker.join().signal(), SIGKILL);
}

TEST(MachineEnds, TheLastOfItsStderrIsKept) {
  WorkerResource worker{&print_and_die, {.capture_stderr = true, .machine = machines::here()}};
  testing::internal::CaptureStdout();
  worker.start(200'000);
  const ExitStatus status = worker.join();
  testing::internal::GetCapturedStdout();
  EXPECT_EQ(status.stderr_tail.size(), 4096u);
  EXPECT_TRUE(status.stderr_tail.ends_with("err 199999\n")) << status.stderr_tail;
}

TEST(MachineEnds, WhatTheLauncherPrintsIsNotTakenForTheWorkersOutput) {
  const support::TemporaryFile out, err;
  const std::string noisy = "(yes noise | head -c 600000 >&2); exec \"$@\"";
  const std::string noisy_later = "(yes noise | head -c 600000 >&2) & exec \"$@\"";
  for (const std::string& command : {noisy, noisy_later}) {
    WorkerResource worker{&print_out_and_die,
                          {.stdout_ = OutputFile{out.path(), false},
                           .stderr_ = OutputFile{err.path()},
                           .machine = machines::by({"sh", "-c", command, "sh"})}};
    worker.start(100'000);
    EXPECT_EQ(worker.join().signal(), SIGKILL);
    EXPECT_TRUE(out.text().ends_with("out 99999\n"));
    EXPECT_NE(err.text().find("noise\n"), std::string::npos);
  }
}

void print_all_the_time(PriorityMessenger& host) {
  host.send_norequest(1);
  for (;;) std::puts("more");
}

TEST(MachineEnds, promise_03_stopNeedsNoReaderOfItsOutput) {
  support::Pipe nobody_reads;
  WorkerResource worker{&print_all_the_time,
                        {.stdout_ = coproc::FileDescriptor{nobody_reads.write_fd()}, .machine = machines::here()}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  const ExitStatus status = worker.stop({.close = 0s, .terminate = 1ms, .kill = coproc::kForever});
  EXPECT_TRUE(status.signal() == SIGTERM || status.signal() == SIGKILL) << status.describe();
}

void send_for_ever(PriorityMessenger& host) {
  for (;;) host.send_norequest(std::string(10'000, 'e'));
}

TEST(MachineEnds, promise_03_stopEndsAWorkerThatSendsForEver) {
  WorkerResource worker{&send_for_ever, {.machine = machines::here()}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>().size(), 10'000u);
  const ExitStatus status = worker.stop({.close = 0s, .terminate = 50ms});
  EXPECT_TRUE(status.signal() == SIGTERM || status.signal() == SIGKILL) << status.describe();
}

void leave_a_child(PriorityMessenger& host) {
  const pid_t child = ::fork();
  if (child == 0) support::sleep_for_ever();
  host.send_norequest(static_cast<int>(child));
}

TEST(MachineEnds, promise_08_ItsDescendantsEndWithItIfThatIsAsked) {
  WorkerResource worker{&leave_a_child, {.kill_descendants = true, .machine = machines::here()}};
  worker.start();
  const int child = worker.messenger().receive_blocking<int>();
  EXPECT_TRUE(worker.join().success());
  while (!machines::has_ended(child)) ::usleep(1000);  // it was killed, and may still be ending
}

void stop_itself(PriorityMessenger& host) {
  host.send_norequest(1);
  ::raise(SIGSTOP);
  host.send_norequest(2);
  host.receive_blocking<int>();
}

TEST(MachineEnds, AStoppedWorkerIsNotLost) {
  WorkerResource worker{&stop_itself, {.machine = machines::here()}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  while (support::state_of(worker.pid()) != 'T') {}
  EXPECT_TRUE(worker.is_alive());
  ::kill(worker.pid(), SIGCONT);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 2);
  EXPECT_TRUE(worker.stop(machines::kPatient).success());
}

}  // namespace
