#include "link/link_sight.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "link/frame.hpp"
#include "link/link.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::link {

namespace {

constexpr std::size_t kRing = 4096;
using Header = std::array<std::byte, kSightBytes>;

/// A link, and what others see of it.
class Watched {
 public:
  Watched() : ends_(make_shm_pair({.ring_bytes = kRing})), memory_(os::duplicate(ends_.first->fds_to_hand_over()[0])) {}

  Link& host() { return *ends_.first; }
  Link& worker() { return *ends_.second; }
  Header header() const {
    Header header;
    EXPECT_TRUE(os::read_at(memory_, 0, header));
    return header;
  }
  LinkSight sight() const {
    const LinkLook look = sight_of(header());
    EXPECT_TRUE(look.sight) << look.refusal;
    return look.sight.value_or(LinkSight());
  }
  std::optional<RestartSight> restart() const {
    std::array<std::byte, kRestartBytes> note;
    EXPECT_TRUE(os::read_at(memory_, kRestartNoteAt, note));
    return restart_of(note);
  }
  /// What is between two positions of the host's ring.
  std::vector<std::byte> records(std::uint64_t from, std::uint64_t to) const {
    std::vector<std::byte> bytes;
    for (; from != to; ++from) {
      std::array<std::byte, 1> byte;
      EXPECT_TRUE(os::read_at(memory_, sight().place_of(0, from), byte));
      bytes.push_back(byte[0]);
    }
    return bytes;
  }

 private:
  std::pair<std::unique_ptr<Link>, std::unique_ptr<Link>> ends_;
  os::Fd memory_;
};

bool send(Link& link, FrameKind kind, std::size_t payload) {
  const auto bytes = static_cast<std::uint32_t>(kHeaderBytes + payload);
  const auto room = link.reserve(bytes);
  if (room.empty()) return false;
  write_header(room.data(), {.length = bytes, .kind = kind});
  link.commit(bytes);
  (void)link.publish();
  return true;
}

void receive_all(Link& link) {
  while (link.look()) {
    while (!link.front().empty()) link.pop();
  }
  link.release();
}

template <class T>
void put(Header& header, std::size_t at, T word) {
  std::memcpy(header.data() + at, &word, sizeof word);
}

}  // namespace

TEST(Link, TheBytesThatMayBeUnreadAreThoseOfBothRings) {
  Watched link;
  const auto expect = [&](std::size_t to_worker, std::size_t to_host) {
    EXPECT_EQ(link.host().unread().to_peer, to_worker);
    EXPECT_EQ(link.host().unread().from_peer, to_host);
    EXPECT_EQ(link.worker().unread().to_peer, to_host);
    EXPECT_EQ(link.worker().unread().from_peer, to_worker);
  };
  expect(0, 0);
  const std::size_t small = ring::rounded_up(kHeaderBytes + 100), large = ring::rounded_up(kHeaderBytes + 300);
  ASSERT_TRUE(send(link.host(), FrameKind::message, 100));
  expect(small, 0);
  ASSERT_TRUE(send(link.worker(), FrameKind::message, 300));
  expect(small, large);
  receive_all(link.worker());
  expect(0, large);
}

TEST(Link, AReaderThatWaitsHasReadEverythingAndAPeersWordsStayWithinTheRing) {
  Watched link;
  ASSERT_TRUE(send(link.host(), FrameKind::message, 100));
  while (link.worker().look() && !link.worker().front().empty()) link.worker().pop();  // without a release
  EXPECT_NE(link.host().unread().to_peer, 0u);
  std::array<pollfd, Link::kSleepFds> fds;
  (void)link.worker().begin_sleep(fds, true, 0);
  EXPECT_EQ(link.host().unread().to_peer, 0u);
  (void)link.worker().end_sleep(fds);
}

TEST(LinkSight, OfARestartIsWhatTheHostHasWritten) {
  Watched link;
  EXPECT_FALSE(link.restart());
  link.host().restart_note().write(3, 123'456'789'000, 4711, 2, "restart 3");
  const auto restart = link.restart();
  ASSERT_TRUE(restart);
  EXPECT_EQ(restart->number, 3u);
  EXPECT_EQ(restart->time_ns, 123'456'789'000);
  EXPECT_EQ(restart->pid_before, 4711);
  EXPECT_EQ(restart->reason, 2u);
  EXPECT_EQ(restart->text, "restart 3");
}

TEST(LinkSight, OfARestartIsNoMoreThanThereIsRoomFor) {
  Watched link;
  link.host().restart_note().write(1, 0, 0, 0, std::string(1000, 'x'));
  EXPECT_EQ(link.restart()->text, std::string(480, 'x'));
  link.host().restart_note().text_bytes = 0xffff'ffff;  // a worker can write it, too
  EXPECT_EQ(link.restart()->text, std::string(480, 'x'));
}

TEST(LinkSight, OfANewLinkIsEmpty) {
  const Watched link;
  const LinkSight sight = link.sight();
  EXPECT_EQ(sight.ring_bytes, kRing);
  EXPECT_GT(sight.loan_bytes, 0u);
  for (const int i : {0, 1}) {
    EXPECT_EQ(sight.side[i].waiting, 0u);
    EXPECT_EQ(sight.ring[i].tail, 0u);
    EXPECT_EQ(sight.ring[i].unread, 0u);
  }
}

TEST(LinkSight, ShowsWhatWasSentAndIsUnread) {
  Watched link;
  ASSERT_TRUE(send(link.host(), FrameKind::message, 8) && send(link.host(), FrameKind::request, 16));
  EXPECT_EQ(link.sight().ring[0].tail, 40u + 48u);
  EXPECT_EQ(link.sight().ring[0].unread, 40u + 48u);
  EXPECT_EQ(link.sight().ring[1].tail, 0u);
  receive_all(link.worker());
  EXPECT_EQ(link.sight().ring[0].tail, 40u + 48u);
  EXPECT_EQ(link.sight().ring[0].unread, 0u);
}

TEST(LinkSight, AReceiverThatWaitsHasReadAllAlthoughItsSpaceIsNotGivenBackYet) {
  Watched link;
  ASSERT_TRUE(send(link.host(), FrameKind::message, 8));
  ASSERT_TRUE(link.worker().look());
  ASSERT_FALSE(link.worker().front().empty());
  link.worker().pop();  // and no release
  EXPECT_EQ(link.sight().ring[0].unread, 40u);
  std::array<pollfd, Link::kSleepFds> fds;
  (void)link.worker().begin_sleep(fds, true, 0);
  EXPECT_TRUE(link.sight().side[1].waits_for_records());
  EXPECT_FALSE(link.sight().is_blocked(1));
  EXPECT_EQ(link.sight().ring[0].unread, 0u);
  for (pollfd& fd : fds) fd.revents = 0;
  (void)link.worker().end_sleep(fds);
  EXPECT_FALSE(link.sight().side[1].waits_for_records());
}

TEST(LinkSight, ShowsASenderThatWaitsForSpaceAndACloseRequest) {
  Watched link;
  link.host().request_close();
  std::array<pollfd, Link::kSleepFds> fds;
  (void)link.worker().begin_sleep(fds, true, 532);
  EXPECT_FALSE(link.sight().is_blocked(1));  // as in an event loop
  while (send(link.worker(), FrameKind::message, 500)) {}
  const LinkSight sight = link.sight();
  EXPECT_TRUE(sight.is_blocked(1));
  EXPECT_FALSE(sight.is_blocked(0));
  EXPECT_EQ(sight.side[0].close_requests, 1u);
  EXPECT_GT(sight.ring[1].unread, kRing - 2 * 536);
  link.host().set_stuck(true);
  EXPECT_TRUE(link.sight().is_blocked(0));
}

TEST(LinkSight, CountsMessagesAndNotWhatIsSentForThem) {
  Watched link;
  for (const auto kind :
       {FrameKind::channel, FrameKind::type, FrameKind::message, FrameKind::fragment, FrameKind::request,
        FrameKind::reply, FrameKind::error, FrameKind::part, FrameKind::credit, FrameKind::end})
    ASSERT_TRUE(send(link.host(), kind, 24));
  const std::uint64_t tail = link.sight().ring[0].tail;
  EXPECT_EQ(count_messages(link.records(0, tail), kRing), 5u);
  EXPECT_EQ(count_messages(link.records(56, tail), kRing), 5u);  // without the first record
  EXPECT_EQ(count_messages({}, kRing), 0u);
}

TEST(LinkSight, CountsOverTheRingsEnd) {
  Watched link;
  while (link.sight().ring[0].tail < kRing - 500) {
    ASSERT_TRUE(send(link.host(), FrameKind::message, 300));
    receive_all(link.worker());
  }
  const std::uint64_t from = link.sight().ring[0].tail;
  while (link.sight().ring[0].tail < kRing + 500) {
    ASSERT_TRUE(send(link.host(), FrameKind::message, 300));
    receive_all(link.worker());
  }
  const std::uint64_t to = link.sight().ring[0].tail;
  EXPECT_NE((to - from) % 336, 0u);  // there is a pad between them
  EXPECT_EQ(count_messages(link.records(from, to), kRing), (to - from) / 336);
}

TEST(LinkSight, WhatIsNoRecordIsNotCounted) {
  Watched link;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(send(link.host(), FrameKind::message, 24));
  const std::vector<std::byte> good = link.records(0, link.sight().ring[0].tail);
  ASSERT_EQ(count_messages(good, kRing), 20u);
  const auto with_length = [&](std::uint32_t length) {
    std::vector<std::byte> bad = good;
    std::memcpy(bad.data() + 56, &length, sizeof length);
    return count_messages(bad, kRing);
  };
  for (const std::uint32_t length : {0u, 4u, 1025u, 5000u, 0x7fffffffu, ring::kPadBit, ring::kPadBit | 5000u, ~0u})
    EXPECT_FALSE(with_length(length)) << length;
  EXPECT_FALSE(count_messages(std::span(good).first(good.size() - 8), kRing));
  std::vector<std::byte> one(kRing / 4 + 8);
  const auto longest = static_cast<std::uint32_t>(kRing / 4);
  std::memcpy(one.data(), &longest, sizeof longest);
  EXPECT_TRUE(count_messages(std::span(one).first(longest), kRing));
  const std::uint32_t too_long = longest + 8;
  std::memcpy(one.data(), &too_long, sizeof too_long);
  EXPECT_FALSE(count_messages(one, kRing));
  EXPECT_FALSE(count_messages(std::span(good).first(4), kRing));
}

TEST(LinkSight, RefusesWhatIsNoLinkAndSaysWhy) {
  const Watched link;
  const Header good = link.header();
  ASSERT_TRUE(sight_of(good).sight);
  const auto refusal = [&]<class T>(std::size_t at, T word) {
    Header bad = good;
    put(bad, at, word);
    EXPECT_FALSE(sight_of(bad).sight);
    return sight_of(bad).refusal;
  };
  EXPECT_EQ(refusal(0, kMagic + 1), "its memory does not begin as a link's does");
  EXPECT_EQ(refusal(8, std::uint32_t{77}), "its protocol has version 77, and version 1 is understood here");
  for (const std::uint64_t bytes : {0ul, 1ul, 2048ul, 5000ul, 1ul << 31, ~0ul})
    EXPECT_EQ(refusal(16, bytes), "its rings have an impossible size") << bytes;
  for (const std::uint64_t bytes : {1ul, 65537ul, 1ul << 60, ~0ul})
    EXPECT_EQ(refusal(24, bytes), "its loans have an impossible size") << bytes;
  for (const std::size_t at : {192u, 256u, 320u, 384u})
    EXPECT_EQ(refusal(at, std::uint64_t{4}), "the positions of its rings are impossible") << at;
  EXPECT_EQ(refusal(192, std::uint64_t{kRing + 8}), "the positions of its rings are impossible");
  EXPECT_EQ(refusal(320, ~std::uint64_t{7}), "the positions of its rings are impossible");
}

TEST(LinkSight, AHeadOfALaterMomentThanTheTailIsNoError) {
  const Watched link;
  Header header = link.header();
  put(header, 256, std::uint64_t{1 << 20});
  ASSERT_TRUE(sight_of(header).sight);
  EXPECT_EQ(sight_of(header).sight->ring[0].unread, 0u);
}

TEST(LinkSight, AnyBytesAreEitherRefusedOrWithinTheRing) {
  const Watched link;
  std::mt19937_64 random(20261130);
  int seen = 0;
  for (int round = 0; round < 20'000; ++round) {
    Header header = link.header();
    for (auto words = random() % 4; words > 0; --words) put(header, random() % (kSightBytes / 8) * 8, random());
    const LinkLook look = sight_of(header);
    if (!look.sight) {
      EXPECT_FALSE(look.refusal.empty());
      continue;
    }
    ++seen;
    for (const int from : {0, 1}) {
      EXPECT_LE(look.sight->ring[from].unread, look.sight->ring_bytes);
      EXPECT_LE(look.sight->place_of(from, random()), kHeaderPage + 2 * ring::kMaxBytes);
    }
    std::vector<std::byte> records(random() % 512);
    for (std::byte& byte : records) byte = static_cast<std::byte>(random() % 64);
    EXPECT_LE(count_messages(records, kRing).value_or(0), records.size() / 8);
  }
  EXPECT_GT(seen, 1000);
}

}  // namespace coproc::inline v0::link
