// The bar, on a terminal and elsewhere.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <string>

#include "support/process.hpp"

using namespace std::chrono_literals;
using coproc::Progress;
using coproc::ProgressBar;

namespace {

/// What `body` writes to its standard error, which is a terminal of so many columns.
template <class Body>
std::string on_terminal(unsigned short columns, Body body) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  EXPECT_GE(master, 0);
  ::grantpt(master);
  ::unlockpt(master);
  const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  const winsize size{24, columns, 0, 0};
  EXPECT_EQ(::ioctl(slave, TIOCSWINSZ, &size), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(slave, STDERR_FILENO);
    body();
    ::_exit(0);
  }
  ::close(slave);
  std::string text;
  for (char piece[256];;) {
    const ssize_t got = ::read(master, piece, sizeof piece);
    if (got <= 0) break;  // EIO: nobody has the other end any more
    text.append(piece, static_cast<std::size_t>(got));
  }
  ::close(master);
  EXPECT_EQ(support::end_of(child), "exit 0");
  return text;
}

const std::string kErase = "\r\033[K";

TEST(ProgressBar, IsDrawnInOneLineAndStaysAtTheEnd) {
  const std::string text = on_terminal(80, [] {
    ProgressBar bar("files");
    bar({.done = 1, .total = 4, .elapsed = 1s});
    bar({.done = 2, .total = 4, .elapsed = 2s});  // too early to be drawn
    bar({.done = 4, .total = 4, .elapsed = 4s, .is_last = true});
  });
  EXPECT_EQ(text, std::string(kErase) + "files 25% [#####...............] 1/4, 1/s, 3 s left" + kErase +
                      "files 100% [####################] 4/4, 1/s, 4 s\r\n");
}

TEST(ProgressBar, IsCutToTheTerminalAndTakenAwayWhenItsEndDoesNotCome) {
  const std::string text = on_terminal(20, [] {
    ProgressBar bar("files");
    ProgressBar copy = bar;
    copy({.done = 1, .total = 4, .elapsed = 1s});
  });
  EXPECT_EQ(text, kErase + "files 25% [#####..." + kErase);
}

TEST(ProgressBar, SaysNothingWhereThereIsNoTerminal) {
  const support::Pipe pipe;
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe.write_fd(), STDERR_FILENO);
    ProgressBar bar;
    bar({.done = 4, .total = 4, .is_last = true});
    ::_exit(bar.is_shown() ? 1 : 0);
  }
  EXPECT_EQ(support::end_of(child), "exit 0");
  ::fcntl(pipe.read_fd(), F_SETFL, O_NONBLOCK);
  char byte = 0;
  EXPECT_EQ(::read(pipe.read_fd(), &byte, 1), -1);
}

}  // namespace
