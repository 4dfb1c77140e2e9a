#include "os/pipe.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace os = coproc::os;

namespace {

TEST(Pipe, BothEndsAreCloseOnExecAndNonBlocking) {
  const os::Pipe pipe = os::Pipe::create();
  for (const int fd : {pipe.read_end.get(), pipe.write_end.get()}) {
    EXPECT_TRUE((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    EXPECT_TRUE((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  }
}

}  // namespace
