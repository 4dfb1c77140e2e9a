#include "os/fd_passing.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <system_error>
#include <thread>

#include "os/file.hpp"
#include "os/pidfd.hpp"
#include "os/pipe.hpp"
#include "os/socket_pair.hpp"

namespace os = coproc::os;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

TEST(FdPassing, BytesAndDescriptorsArriveTogether) {
  const auto ends = os::SocketPair::create();
  const auto pipe = os::Pipe::create();
  const int fds[] = {pipe.read_end.get(), pipe.write_end.get()};
  const std::string text = "two descriptors";
  ASSERT_TRUE(os::send_with_fds(ends.first, bytes_of(text), fds, os::Deadline::forever()));
  std::string got(text.size(), ' ');
  std::vector<os::Fd> come;
  ASSERT_TRUE(os::receive_with_fds(ends.second, std::as_writable_bytes(std::span(got)), come));
  EXPECT_EQ(got, text);
  ASSERT_EQ(come.size(), 2U);
  ASSERT_EQ(::write(come[1].get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(pipe.read_end.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

/// After a socket was asked for its senders, each message carries the sender's descriptor, wanted or not. The hygiene
/// check would see one that is left.
TEST(FdPassing, TheSendersDescriptorIsNotLeftBehind) {
  const auto ends = os::SocketPair::create();
  try {
    os::Pidfd::ask_for_senders(ends.second);
  } catch (const std::system_error&) {
    GTEST_SKIP() << "a kernel before Linux 6.5";
  }
  ASSERT_TRUE(os::send_with_fds(ends.first, bytes_of(std::string("x")), {}, os::Deadline::forever()));
  char byte = 0;
  std::vector<os::Fd> come;
  ASSERT_TRUE(os::receive_with_fds(ends.second, std::as_writable_bytes(std::span(&byte, 1)), come));
  EXPECT_EQ(byte, 'x');
  EXPECT_TRUE(come.empty());
}

TEST(FdPassing, MoreBytesThanTheSocketHoldsWaitForTheReader) {
  const auto ends = os::SocketPair::create();
  const std::string text(4 << 20, 'x');
  std::thread writer([&] { EXPECT_TRUE(os::send_with_fds(ends.first, bytes_of(text), {}, os::Deadline::forever())); });
  std::string got(text.size(), ' ');
  std::vector<os::Fd> come;
  EXPECT_TRUE(os::receive_with_fds(ends.second, std::as_writable_bytes(std::span(got)), come));
  writer.join();
  EXPECT_EQ(got, text);
}

TEST(FdPassing, ASendHasATimeAndNoticesTheEnd) {
  auto ends = os::SocketPair::create();
  const std::string text(4 << 20, 'x');
  try {
    (void)os::send_with_fds(ends.first, bytes_of(text), {}, os::Deadline(std::chrono::milliseconds(10)));
    ADD_FAILURE() << "nobody reads";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ETIMEDOUT);
  }
  ends.second.reset();
  EXPECT_FALSE(os::send_with_fds(ends.first, bytes_of(text), {}, os::Deadline::forever()));
}

TEST(FdPassing, TooManyDescriptorsAreRefused) {
  const auto ends = os::SocketPair::create();
  const std::vector<int> fds(os::kMostFdsAtOnce + 1, STDIN_FILENO);
  EXPECT_THROW((void)os::send_with_fds(ends.first, bytes_of("x"), fds, os::Deadline::forever()), std::system_error);
}

TEST(FdPassing, KnowsTheMakerOfTheSockets) {
  const auto ends = os::SocketPair::create();
  EXPECT_EQ(os::peer_of(ends.second).pid, ::getpid());
  EXPECT_EQ(os::peer_of(ends.second).uid, ::getuid());
  EXPECT_THROW((void)os::peer_of(os::open_file("/dev/null", 0)), std::system_error);
}

}  // namespace
