#include "process/stderr_tail.hpp"

#include <fcntl.h>
#include <signal.h>

#include <string>

#include "process/worker_for_test.hpp"

using namespace coproc;
using namespace coproc::process;
using namespace coproc::process::testing;

namespace {

template <class Body>
Child start_captured(StderrTail& tail, Body body) {
  WorkerOptions options;
  options.stderr_ = FileDescriptor{tail.write_fd()};
  os::ForkSensitive* const kept[] = {&tail};
  Child child = start_by_fork(options, kept, body);
  tail.keep_host_end();
  return child;
}

ExitStatus end_of_drained(Child& child, StderrTail& tail) {
  const auto drain = [&] { tail.drain(); };
  return *wait_for_end(child, os::Deadline::forever(), {drain, tail.fd()});
}

void print(const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
    if (n <= 0) ::_exit(99);
    done += static_cast<std::size_t>(n);
  }
}

TEST(StderrTail, KeepsWhatWasPrinted) {
  StderrTail tail;
  Child child = start_captured(tail, [] {
    print("one\n");
    print("two\n");
    return 0;
  });
  EXPECT_EQ(end_of_drained(child, tail).code(), 0);
  EXPECT_EQ(tail.text(), "one\ntwo\n");
  EXPECT_FALSE(tail.drain());
  EXPECT_EQ(tail.fd(), -1);
}

TEST(StderrTail, KeepsTheEndOfMuch) {
  std::string all;
  for (int i = 0; all.size() < (5u << 20); ++i) all += "line " + std::to_string(i) + "\n";
  StderrTail tail;
  Child child = start_captured(tail, [&] {
    for (std::size_t at = 0; at < all.size(); at += 1000) print(all.substr(at, 1000));
    return 0;
  });
  EXPECT_EQ(end_of_drained(child, tail).code(), 0);
  EXPECT_EQ(tail.text(), all.substr(all.size() - StderrTail::kBytes));
}

TEST(StderrTail, AChildIsNotRefusedWhatDoesNotFit) {
  StderrTail tail;
  EXPECT_EQ(::fcntl(tail.write_fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(tail.fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(tail.fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(tail.write_fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(StderrTail, AGrandchildThatHoldsItDelaysNothing) {
  StderrTail tail;
  const Report pid;
  Child child = start_captured(tail, [&] {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      for (;;) ::pause();
    }
    pid.write(&grandchild, sizeof grandchild);
    print("last words");
    return 0;
  });
  EXPECT_EQ(end_of_drained(child, tail).code(), 0);
  EXPECT_TRUE(tail.drain());  // still open at the other end
  EXPECT_EQ(tail.text(), "last words");
  ::kill(pid.read<pid_t>(), SIGKILL);
}

TEST(StderrTail, NoOtherChildHoldsIt) {
  StderrTail tail;
  Child other = start([&] { return ::fcntl(tail.write_fd(), F_GETFD) == -1 && tail.write_fd() == -1 ? 0 : 1; });
  EXPECT_EQ(end_of(other).code(), 0);
  Child keeps = start_captured(tail, [&] { return tail.fd() == -1 ? 0 : 1; });  // the read end is the host's
  EXPECT_EQ(end_of_drained(keeps, tail).code(), 0);
}

}  // namespace
