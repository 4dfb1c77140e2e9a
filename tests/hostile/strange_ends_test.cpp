// Ends of links that come from a process that nobody trusts: what would let it end, hang or fill this one is refused.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "link/link.hpp"
#include "messenger/access.hpp"

using namespace std::chrono_literals;
using coproc::LinkEnd;
using coproc::PriorityMessenger;

namespace {

struct StrangeEnds : ::testing::Test {
  std::pair<PriorityMessenger, PriorityMessenger> pair =
      PriorityMessenger::new_pair({.ring_bytes = 4096, .loan_bytes = 1 << 16});
  PriorityMessenger& mine = pair.first;
  LinkEnd honest{std::move(pair.second)};
  std::string description = honest.description();

  std::vector<int> fds() const {
    std::vector<int> copies;
    for (const int fd : honest.fds()) copies.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    return copies;
  }
  std::vector<int> fds_with(std::size_t which, int fd) const {
    std::vector<int> all = fds();
    ::close(all[which]);
    all[which] = fd;
    return all;
  }
  /// A copy of the link's memory, made as its maker likes.
  int memory(unsigned flags, int seals) const {
    const int original = honest.fds()[0];
    const int fd = ::memfd_create("looks-like-a-link", flags | MFD_CLOEXEC);
    EXPECT_EQ(::ftruncate(fd, ::lseek(original, 0, SEEK_END)), 0);
    char page[4096];
    EXPECT_EQ(::pread(original, page, sizeof page, 0), ssize_t(sizeof page));
    EXPECT_EQ(::pwrite(fd, page, sizeof page, 0), ssize_t(sizeof page));
    if (seals != 0) {
      EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, seals), 0);
    }
    return fd;
  }
  /// The description with a number of it written over. (u32 version, i32 end, bool, u64, u64, i64, ...)
  template <class T>
  std::string with(std::size_t offset, T value) const {
    std::string changed = description;
    std::memcpy(changed.data() + offset, &value, sizeof value);
    return changed;
  }
  static constexpr std::size_t kMessageBytesAt = 9, kQueuedBytesAt = 17, kSpinAt = 25;
};

const coproc::LinkOptions& options_of(const PriorityMessenger& messenger) {
  return coproc::detail::MessengerAccess::core(messenger)->options().link;
}

}  // namespace

TEST_F(StrangeEnds, MemoryThatMayShrinkIsRefused) {
  for (const int fd : {memory(0, 0), memory(MFD_ALLOW_SEALING, 0), memory(MFD_ALLOW_SEALING, F_SEAL_GROW)}) {
    LinkEnd end(fds_with(0, fd), description);
    EXPECT_THROW((void)end.open<PriorityMessenger>(), coproc::ProtocolError);
  }
  LinkEnd sealed(fds_with(0, memory(MFD_ALLOW_SEALING, F_SEAL_SHRINK)), description);
  (void)sealed.open<PriorityMessenger>();
}

TEST_F(StrangeEnds, WhatIsNoPipeIsRefused) {
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  for (const std::size_t which : {1u, 2u}) {
    LinkEnd end(fds_with(which, sockets[which - 1]), description);
    EXPECT_THROW((void)end.open<PriorityMessenger>(), coproc::InvalidArgumentError);
  }
  std::vector<int> exchanged = fds();
  std::swap(exchanged[1], exchanged[2]);
  LinkEnd end(exchanged, description);
  EXPECT_THROW((void)end.open<PriorityMessenger>(), coproc::InvalidArgumentError);
}

TEST_F(StrangeEnds, WhoeverHasThePipesCannotMakeThemWait) {
  LinkEnd end(fds(), description);
  PriorityMessenger messenger = end.open<PriorityMessenger>();
  for (const int fd : honest.fds()) {
    const int flags = ::fcntl(fd, F_GETFL);
    ASSERT_EQ(::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), 0);
  }
  EXPECT_EQ(messenger.receive_for<int>(1ms), std::nullopt);  // empties the pipe
}

TEST_F(StrangeEnds, ASpinWithoutEndIsNone) {
  LinkEnd end(fds(), with(kSpinAt, std::int64_t{3600} * 1'000'000'000));
  PriorityMessenger messenger = end.open<PriorityMessenger>();
  EXPECT_LE(options_of(messenger).spin.ns, 10ms);
  EXPECT_EQ(messenger.receive_for<int>(1ms), std::nullopt);
}

TEST_F(StrangeEnds, LimitsAreThoseOfTheProcessThatOpens) {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  {
    LinkEnd end(fds(), with(kMessageBytesAt, kHuge));
    EXPECT_EQ(options_of(end.open<PriorityMessenger>()).max_message_bytes, coproc::LinkOptions().max_message_bytes);
  }
  {
    LinkEnd end(fds(), with(kQueuedBytesAt, kHuge));
    const auto messenger = end.open<PriorityMessenger>({.max_queued_bytes = 5000});
    EXPECT_EQ(options_of(messenger).max_queued_bytes, 5000u);
  }
  {
    LinkEnd end(fds(), description);
    EXPECT_EQ(options_of(end.open<PriorityMessenger>({.max_message_bytes = std::size_t{1} << 40})).max_message_bytes,
              coproc::LinkOptions().max_message_bytes);
  }
  for (const std::size_t at : {kMessageBytesAt, kQueuedBytesAt}) {
    LinkEnd end(fds(), with(at, std::uint64_t{0}));
    EXPECT_THROW((void)end.open<PriorityMessenger>(), coproc::InvalidArgumentError);
  }
}
