#include "os/pipe.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "os/child_for_test.hpp"
#include "os/fault.hpp"

namespace os = coproc::os;
using os::Drained;
using os::Wake;

namespace {

TEST(Pipe, BothEndsAreCloseOnExecAndNonBlocking) {
  const os::Pipe pipe = os::Pipe::create();
  for (const int fd : {pipe.read_end.get(), pipe.write_end.get()}) {
    EXPECT_TRUE((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    EXPECT_TRUE((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  }
}

TEST(Pipe, WakesAreDrained) {
  const os::Pipe pipe = os::Pipe::create();
  EXPECT_EQ(os::drain_wakes(pipe.read_end), Drained::nothing);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(os::write_wake(pipe.write_end), Wake::sent);
  EXPECT_EQ(os::drain_wakes(pipe.read_end), Drained::some);
  EXPECT_EQ(os::drain_wakes(pipe.read_end), Drained::nothing);
}

TEST(Pipe, AFullPipeIsSaidToBeFull) {
  const os::Pipe pipe = os::Pipe::create();
  int sent = 0;
  Wake last = Wake::sent;
  while (last == Wake::sent && sent < 10'000'000) {
    last = os::write_wake(pipe.write_end);
    ++sent;
  }
  EXPECT_EQ(last, Wake::full);
  EXPECT_EQ(os::drain_wakes(pipe.read_end), Drained::some);
  EXPECT_EQ(os::write_wake(pipe.write_end), Wake::sent);
}

TEST(Pipe, TheWritersEndIsNoticed) {
  os::Pipe pipe = os::Pipe::create();
  os::write_wake(pipe.write_end);
  pipe.write_end.reset();
  (void)os::drain_wakes(pipe.read_end);
  EXPECT_EQ(os::drain_wakes(pipe.read_end), Drained::hung_up);
}

/// Returns 0 if all is well. If a SIGPIPE gets through, it ends the child.
int write_to_nobody() {
  ::signal(SIGPIPE, SIG_DFL);
  os::Pipe pipe = os::Pipe::create();
  if (os::write_wake(pipe.write_end) != Wake::sent) return 1;
  pipe.read_end.reset();
  if (os::write_wake(pipe.write_end) != Wake::broken) return 2;
  sigset_t pending;
  sigpending(&pending);
  if (sigismember(&pending, SIGPIPE) != 0) return 3;
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, SIGPIPE) == 0 ? 0 : 4;
}

TEST(Pipe, WritingToNobodyRaisesNoSignal) { EXPECT_EQ(os::testing::in_child(write_to_nobody), 0); }

TEST(Pipe, WritingToNobodyRaisesNoSignalOnOlderKernels) {
  EXPECT_EQ(os::testing::in_child([] {
              const os::Pipe pipe = os::Pipe::create();
              os::arm_fault(1, EOPNOTSUPP);  // pwritev2's answer where it does not know the flag
              const Wake wake = os::write_wake(pipe.write_end);
              const auto calls = os::disarm_fault();
              if (wake != Wake::sent || calls != 2) return 10;
              os::arm_fault(0, 0);
              os::write_wake(pipe.write_end);
              if (os::disarm_fault() != 1) return 11;  // remembers the answer
              return write_to_nobody();
            }),
            0);
}

TEST(Pipe, WritesWhereAFilterRefusesTheCallWithoutSignal) {
  for (const int error : {ENOSYS, EPERM, EACCES}) {
    SCOPED_TRACE(error);
    EXPECT_EQ(os::testing::in_child([error] {
                const os::Pipe pipe = os::Pipe::create();
                os::arm_fault(1, error);
                const Wake wake = os::write_wake(pipe.write_end);
                os::disarm_fault();
                return wake == Wake::sent ? 0 : 1;
              }),
              0);
  }
}

TEST(Pipe, TheProgramsOwnPendingSignalIsLeftAloneOnOlderKernels) {
  EXPECT_EQ(os::testing::in_child([] {
              os::Pipe pipe = os::Pipe::create();
              os::arm_fault(1, EOPNOTSUPP);
              os::write_wake(pipe.write_end);
              os::disarm_fault();
              sigset_t just_pipe;
              sigemptyset(&just_pipe);
              sigaddset(&just_pipe, SIGPIPE);
              pthread_sigmask(SIG_BLOCK, &just_pipe, nullptr);
              ::raise(SIGPIPE);
              pipe.read_end.reset();
              if (os::write_wake(pipe.write_end) != Wake::broken) return 1;
              sigset_t pending;
              sigpending(&pending);
              return sigismember(&pending, SIGPIPE) == 1 ? 0 : 2;
            }),
            0);
}

}  // namespace
