#include "wire/trunk_door.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "wire/frame_for_test.hpp"

namespace {

using namespace coproc;
using wire::branch_value;
using wire::BrokenWire;
using wire::FrameType;
using wire::kWindow;
using wire::Side;
using wire::testing::frame;
using wire::testing::text_of;

std::string hello() { return text_of(wire::to_payload(wire::own_hello())); }
std::string opened() { return to_bytes(remote::StartAnswer{.pid = 7}); }
std::string ended() { return to_bytes(remote::WorkerEnd{}); }

/// An end of a trunk whose door is tried.
struct End {
  explicit End(Side side) : door(side) {}
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void take(FrameType type, std::uint64_t value = 0, std::string_view payload = {}) {
    const auto bytes = frame(type, value, payload);
    std::span<const std::byte> rest(bytes);
    const auto passed = door.next(rest);
    ASSERT_TRUE(passed.has_value());
    EXPECT_EQ(passed->type, type);
    EXPECT_TRUE(rest.empty());
  }
  void refuses(const std::string& words, const std::vector<std::byte>& bytes) {
    std::span<const std::byte> rest(bytes);
    try {
      (void)door.next(rest);
      ADD_FAILURE() << "passed, where this was expected: " << words;
    } catch (const BrokenWire& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }
  void refuses(const std::string& words, FrameType type, std::uint64_t value = 0, std::string_view payload = {}) {
    refuses(words, frame(type, value, payload));
  }

  wire::TrunkDoor door;
};

/// The near end, with branch 1 open.
struct OpenNear : End {
  OpenNear() : End(Side::near) {
    take(FrameType::hello, 0, hello());
    EXPECT_EQ(door.open(), 1u);
    take(FrameType::opened, branch_value(1), opened());
  }
};
struct OpenFar : End {
  OpenFar() : End(Side::far) {
    take(FrameType::welcome, 5'000'000'000);
    take(FrameType::open, branch_value(1));
  }
};

TEST(TrunkDoor, LetsTheLifeOfABranchPass) {
  OpenNear near;
  near.take(FrameType::data, branch_value(1), "bytes");
  near.door.windows_of(1).out.spend(100);
  near.take(FrameType::credit, branch_value(1, 100));
  near.take(FrameType::end, branch_value(1));
  near.take(FrameType::gone, branch_value(1), ended());
  near.door.forget(1);
  EXPECT_EQ(near.door.branches(), 0u);
  EXPECT_EQ(near.door.open(), 2u);  // a number is used once

  OpenFar far;
  far.take(FrameType::data, branch_value(1), "bytes");
  far.take(FrameType::end, branch_value(1));
  far.door.expect_forget(1);
  far.take(FrameType::forget, branch_value(1));
  EXPECT_EQ(far.door.branches(), 0u);
  far.take(FrameType::open, branch_value(2));
}

TEST(TrunkDoor, WaitsForWholeFrames) {
  OpenNear near;
  const auto bytes = frame(FrameType::data, branch_value(1), "bytes");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::span<const std::byte> rest(bytes.data(), size);
    EXPECT_FALSE(near.door.next(rest).has_value());
    EXPECT_EQ(rest.size(), size);
  }
}

TEST(TrunkDoor, RefusesWhatIsNotTheirTurn) {
  End greeted(Side::near);
  greeted.refuses("type 3 when it may send none", FrameType::started, 0, opened());
  greeted.refuses("when it may send none", FrameType::ping, 1);
  greeted.take(FrameType::hello, 0, hello());
  greeted.refuses("when it may send none", FrameType::hello, 0, hello());
  greeted.refuses("when it may send none", FrameType::open, branch_value(1));
  greeted.refuses("when it may send none", static_cast<FrameType>(99));

  End far(Side::far);
  far.refuses("when it may send none", FrameType::open, branch_value(1));
  far.refuses("a silence that cannot be", FrameType::welcome, 0);
  far.refuses("a silence that cannot be", FrameType::welcome, ~std::uint64_t{0});
  far.take(FrameType::welcome, 1);
  far.refuses("when it may send none", FrameType::ping, 1);
}

TEST(TrunkDoor, RefusesBranchesThatThereAreNot) {
  OpenNear near;
  near.refuses("branch 2, which there is not", FrameType::data, branch_value(2), "x");
  near.refuses("branch 0, which there is not", FrameType::end, branch_value(0));
  near.refuses("an amount", FrameType::data, branch_value(1, 1), "x");
  EXPECT_EQ(near.door.open(), 2u);
  near.refuses("not open yet", FrameType::data, branch_value(2), "x");
  near.refuses("sent before", FrameType::opened, branch_value(1), opened());

  OpenFar far;
  far.refuses("the next number", FrameType::open, branch_value(1));
  far.refuses("the next number", FrameType::open, branch_value(3));
  far.refuses("whose agent has not gone", FrameType::forget, branch_value(1));
}

TEST(TrunkDoor, RefusesWhatComesAfterTheEnd) {
  OpenNear near;
  near.refuses("whose output has no end", FrameType::gone, branch_value(1), ended());
  near.take(FrameType::end, branch_value(1));
  near.refuses("more of a branch than its end", FrameType::data, branch_value(1), "x");
  near.refuses("a second time", FrameType::end, branch_value(1));
  near.take(FrameType::gone, branch_value(1), ended());
  near.refuses("given up", FrameType::credit, branch_value(1, 1));
}

TEST(TrunkDoor, RefusesMoreThanAWindow) {
  OpenNear near;
  const std::string piece(wire::kMostPayload, 'x');
  for (std::size_t sent = 0; sent < kWindow; sent += piece.size()) near.take(FrameType::data, branch_value(1), piece);
  near.refuses("more of a branch than its window allows", FrameType::data, branch_value(1), "x");
  near.refuses("more credit than was used", FrameType::credit, branch_value(1, 1));
  // The window of another branch is its own.
  EXPECT_EQ(near.door.open(), 2u);
  near.take(FrameType::opened, branch_value(2), opened());
  near.take(FrameType::data, branch_value(2), piece);
}

TEST(TrunkDoor, RefusesImpossibleHeadersAndContents) {
  OpenNear near;
  near.refuses("with 0 bytes", FrameType::data, branch_value(1));
  near.refuses("with 1 bytes", FrameType::end, branch_value(1), "x");
  near.refuses("with 65537 bytes", FrameType::data, branch_value(1), std::string(wire::kMostPayload + 1, 'x'));
  auto bytes = frame(FrameType::data, branch_value(1), "x");
  bytes[5] = std::byte{1};
  near.refuses("bits that mean nothing", bytes);
  EXPECT_EQ(near.door.open(), 2u);
  EXPECT_ANY_THROW(near.take(FrameType::opened, branch_value(2), "no answer"));
}

TEST(TrunkDoor, RefusesSignsOfLifeThatCannotBe) {
  OpenNear near;
  near.take(FrameType::ping, 3);
  near.refuses("a number that it has used", FrameType::ping, 3);
  OpenFar far;
  far.refuses("a ping that there was not", FrameType::pong, 1);
  far.door.expect_pong(4);
  far.take(FrameType::pong, 4);
  far.refuses("a ping that there was not", FrameType::pong, 4);
}

}  // namespace
