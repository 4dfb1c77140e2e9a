#include "os/stream.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <span>

#include "os/pipe.hpp"
#include "os/socket_pair.hpp"

namespace {

using namespace coproc;

constexpr std::array<std::byte, 4096> kBytes{};

TEST(StreamTest, APipeThatWasOpenedAnewDoesNotWaitWhileItsSharersDo) {
  const os::Pipe pipe = os::Pipe::create_for_output(1 << 16);
  const os::Fd own = os::open_anew_to_write(pipe.write_end.get());
  ASSERT_TRUE(static_cast<bool>(own));
  std::size_t written = 0;
  for (os::Moved moved{1, false}; moved.bytes != 0; written += moved.bytes) {
    moved = os::write_some(own.get(), kBytes);
    EXPECT_FALSE(moved.is_over);
  }
  EXPECT_EQ(written, std::size_t{1} << 16);
  EXPECT_EQ(::fcntl(pipe.write_end.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(StreamTest, ASocketIsWrittenToWithoutAWait) {
  const os::SocketPair pair = os::SocketPair::create();
  EXPECT_TRUE(os::is_socket(pair.first.get()));
  EXPECT_FALSE(static_cast<bool>(os::open_anew_to_write(pair.first.get())));
  os::Moved moved{1, false};
  while (moved.bytes != 0) moved = os::send_some(pair.first.get(), kBytes);
  EXPECT_FALSE(moved.is_over);
}

TEST(StreamTest, AFileIsNotOpenedAnewSinceThatWouldLoseItsPosition) {
  const os::Fd file(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  EXPECT_FALSE(static_cast<bool>(os::open_anew_to_write(file.get())));
  EXPECT_FALSE(os::is_socket(file.get()));
}

}  // namespace
