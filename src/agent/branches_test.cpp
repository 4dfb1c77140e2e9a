// The two ends of a trunk in one process: what goes into a pipe at one end comes out of one at the other.
#include "agent/branches.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "os/pipe.hpp"
#include "os/stream.hpp"
#include "wire/frame_for_test.hpp"

namespace {

using namespace coproc;
using agent::Branches;
using wire::branch_of;
using wire::FrameType;
using wire::kWindow;

/// One end, and the pipes through which its branches are used.
struct End {
  explicit End(wire::Side side) : door(side), branches(outbox, door) {}
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void add(std::uint32_t number) {
    pipes[number] = {os::Pipe::create(), os::Pipe::create()};
    branches.add(number, std::move(pipes[number].first.read_end), std::move(pipes[number].second.write_end));
  }
  /// Returns how much there was room for.
  std::size_t write(std::uint32_t number, std::string_view text) {
    return os::write_some(pipes[number].first.write_end.get(), std::as_bytes(std::span(text))).bytes;
  }
  std::string read(std::uint32_t number) {
    std::string text(std::size_t{1} << 20, '\0');
    text.resize(os::read_available(pipes[number].second.read_end, text).bytes);
    return text;
  }
  bool is_at_end(std::uint32_t number) {
    char byte = 0;
    return os::read_available(pipes[number].second.read_end, {&byte, 1}).is_at_end;
  }
  void close_input(std::uint32_t number) { pipes[number].first.write_end.reset(); }

  /// The bytes that leave, at most so many.
  std::vector<std::byte> leave(std::size_t most = ~std::size_t{0}) {
    note_all();
    (void)branches.move();
    return wire::testing::leave(outbox, most);
  }
  /// Says which branches had data, in the order in which it came.
  std::vector<std::uint32_t> take(const std::vector<std::byte>& bytes) {
    come.insert(come.end(), bytes.begin(), bytes.end());
    std::span<const std::byte> rest(come);
    std::vector<std::uint32_t> order;
    while (const auto frame = door.next(rest)) {
      if (frame->type == FrameType::data) order.push_back(branch_of(frame->value));
      if (frame->type == FrameType::open) add(branch_of(frame->value));
      if (branches.has(branch_of(frame->value))) branches.take(*frame);
    }
    come.erase(come.begin(), come.end() - static_cast<std::ptrdiff_t>(rest.size()));
    (void)branches.move();
    return order;
  }
  /// As after a wait in which everything became ready.
  void note_all() {
    std::vector<pollfd> fds;
    branches.prepare_poll(fds);
    for (pollfd& each : fds) each.revents = each.events;
    branches.note_poll(fds.data());
  }

  wire::Outbox outbox;
  wire::TrunkDoor door;
  Branches branches;
  std::map<std::uint32_t, std::pair<os::Pipe, os::Pipe>> pipes;
  std::vector<std::byte> come;
};

struct Trunk {
  explicit Trunk(std::uint32_t count) : near(wire::Side::near), far(wire::Side::far) {
    far.outbox.put_control(FrameType::hello, 0, wire::to_payload(wire::own_hello()));
    near.take(far.leave());
    near.outbox.put_control(FrameType::welcome, 1);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t number = near.door.open();
      near.add(number);
      near.outbox.put_control(FrameType::open, number);
      far.outbox.put_control(FrameType::opened, number, wire::to_payload(to_bytes(remote::StartAnswer{.pid = 1})));
    }
    pass();
  }
  /// Passes on everything until nothing is left.
  void pass() {
    for (;;) {
      const auto to_far = near.leave(), to_near = far.leave();
      if (to_far.empty() && to_near.empty()) return;
      far.take(to_far);
      near.take(to_near);
    }
  }

  End near, far;
};

TEST(Branches, CarryBytesBothWays) {
  Trunk trunk(2);
  trunk.near.write(1, "to the first");
  trunk.near.write(2, "to the second");
  trunk.far.write(2, "from the second");
  trunk.pass();
  EXPECT_EQ(trunk.far.read(1), "to the first");
  EXPECT_EQ(trunk.far.read(2), "to the second");
  EXPECT_EQ(trunk.near.read(2), "from the second");
  EXPECT_EQ(trunk.near.read(1), "");
}

/// Numbers that show what was lost or changed its place.
std::string pattern(std::size_t bytes, unsigned seed) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 31 + i / 251 + seed) & 0xff);
  return text;
}

TEST(Branches, LoseNothingHoweverLittleLeavesAtATime) {
  constexpr std::uint32_t kCount = 3;
  constexpr std::size_t kBytes = 3 * kWindow;
  Trunk trunk(kCount);
  std::map<std::uint32_t, std::string> sent, come;
  for (std::uint32_t i = 1; i <= kCount; ++i) sent[i] = pattern(kBytes, i);
  std::map<std::uint32_t, std::size_t> at;
  std::size_t most = 1;
  for (std::size_t total = 0; total < kCount * kBytes;) {
    for (std::uint32_t i = 1; i <= kCount; ++i) {
      at[i] += at[i] == kBytes ? 0 : trunk.near.write(i, std::string_view(sent[i]).substr(at[i]));
    }
    most = most * 7 % 60'013;
    trunk.far.take(trunk.near.leave(most));
    trunk.near.take(trunk.far.leave(most));
    for (std::uint32_t i = 1; i <= kCount; ++i) {
      const std::string more = trunk.far.read(i);
      total += more.size();
      come[i] += more;
    }
  }
  EXPECT_TRUE(come == sent);
}

TEST(Branches, AReaderThatDoesNotReadHoldsUpNoOther) {
  Trunk trunk(2);
  const std::string piece(1 << 16, 'x');
  std::size_t stuck = 0;
  for (int i = 0; i < 100; ++i) {
    stuck += trunk.near.write(1, piece);
    trunk.pass();
  }
  EXPECT_LT(stuck, kWindow + (std::size_t{1} << 18));  // what its window and the pipes hold
  for (int i = 0; i < 100; ++i) {
    trunk.near.write(2, "to the other");
    trunk.pass();
    ASSERT_EQ(trunk.far.read(2), "to the other");
  }
  // It reads on, and gets everything.
  std::size_t come = 0;
  for (std::size_t more = 1; more != 0;) {
    trunk.far.note_all();
    trunk.pass();
    more = trunk.far.read(1).size();
    come += more;
  }
  EXPECT_EQ(come, stuck);
}

TEST(Branches, TakeTurns) {
  Trunk trunk(3);
  const std::string much(1 << 16, 'x');
  trunk.near.write(1, much);
  trunk.near.write(3, much);
  trunk.near.write(2, "a sign of life");
  const auto order = trunk.far.take(trunk.near.leave());
  const auto of_second = std::find(order.begin(), order.end(), 2u);
  ASSERT_NE(of_second, order.end());
  EXPECT_LE(of_second - order.begin(), 2) << "it waited for more than one piece of each other branch";
  EXPECT_EQ(std::count(order.begin(), order.end(), 1u), 2);
}

TEST(Branches, KeepLittleWhileTheConnectionIsBlocked) {
  Trunk trunk(8);
  const std::string piece(1 << 16, 'x');
  std::size_t taken = 0;
  for (int i = 0; i < 50; ++i) {
    for (std::uint32_t number = 1; number <= 8; ++number) taken += trunk.near.write(number, piece);
    (void)trunk.near.leave(0);
  }
  EXPECT_LE(taken, 8 * piece.size() + (std::size_t{1} << 18));
}

TEST(Branches, TheEndComesBehindAllThatWasWritten) {
  Trunk trunk(2);
  trunk.near.write(1, "the last");
  trunk.near.close_input(1);
  trunk.pass();
  EXPECT_TRUE(trunk.near.branches.has_ended(1));
  EXPECT_EQ(trunk.far.read(1), "the last");
  EXPECT_TRUE(trunk.far.is_at_end(1));
  trunk.far.write(1, "the other way is open");
  trunk.pass();
  EXPECT_EQ(trunk.near.read(1), "the other way is open");
  EXPECT_FALSE(trunk.near.is_at_end(1));
  EXPECT_FALSE(trunk.far.is_at_end(2));
}

TEST(Branches, AFinishedOneEndsThoughItsPipeIsOpen) {
  Trunk trunk(1);
  trunk.far.write(1, "of an agent that has ended");
  trunk.far.branches.finish(1);
  trunk.pass();
  EXPECT_TRUE(trunk.far.branches.has_ended(1));
  EXPECT_EQ(trunk.near.read(1), "of an agent that has ended");
  EXPECT_TRUE(trunk.near.is_at_end(1));
}

TEST(Branches, WhatNobodyReadsAnyMoreCostsNoWindow) {
  Trunk trunk(1);
  auto* const before = std::signal(SIGPIPE, SIG_IGN);  // agents block it
  trunk.far.pipes[1].second.read_end.reset();
  std::size_t sent = 0;
  const std::string piece(1 << 16, 'x');
  while (sent < 3 * kWindow) {
    const std::size_t bytes = trunk.near.write(1, piece);
    ASSERT_NE(bytes, 0u) << "the window was not given back after " << sent << " bytes";
    sent += bytes;
    trunk.pass();
  }
  std::signal(SIGPIPE, before);
}

TEST(Branches, ADroppedOneGivesNoCredit) {
  Trunk trunk(1);
  trunk.far.branches.drop_input(1);
  const std::string piece(1 << 16, 'x');
  for (std::size_t sent = 0; sent < kWindow; sent += piece.size()) {
    ASSERT_EQ(trunk.near.write(1, piece), piece.size());
    trunk.far.take(trunk.near.leave());
    ASSERT_TRUE(trunk.far.leave().empty()) << "a credit could come behind `gone`";
  }
}

TEST(Branches, ARemovedOneIsClosedAtOnce) {
  Trunk trunk(2);
  trunk.far.branches.remove(1);
  EXPECT_TRUE(trunk.far.is_at_end(1));
  EXPECT_FALSE(trunk.far.is_at_end(2));
}

}  // namespace
