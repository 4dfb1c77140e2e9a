#include "wire/door.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "wire/frame_for_test.hpp"

namespace {

using namespace coproc;
using wire::BrokenWire;
using wire::Door;
using wire::FrameType;
using wire::Side;
using wire::testing::frame;
using wire::testing::text_of;

constexpr std::size_t kMostRecord = 1024;

std::string record(std::uint32_t bytes) {
  std::string text(bytes, 'r');
  std::memcpy(text.data(), &bytes, sizeof bytes);
  return text;
}

std::string started() { return to_bytes(remote::StartAnswer{.pid = 7}); }
std::string exited(std::int32_t code = 0) {
  remote::WorkerEnd end;
  end.how = remote::WorkerEnd::How::exited;
  end.value = code;
  return to_bytes(end);
}

/// An agent whose door is tried.
struct Agent {
  explicit Agent(Side side) : door(side, windows) { door.set_max_record(kMostRecord); }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  /// Returns the type of the frame that has passed.
  FrameType take(const std::vector<std::byte>& bytes) {
    std::span<const std::byte> rest(bytes);
    const auto passed = door.next(rest);
    EXPECT_TRUE(passed.has_value());
    EXPECT_TRUE(rest.empty());
    return passed ? passed->type : FrameType::hello;
  }
  void refuses(const std::vector<std::byte>& bytes, const std::string& words) {
    std::span<const std::byte> rest(bytes);
    try {
      (void)door.next(rest);
      ADD_FAILURE() << "passed, where this was expected: " << words;
    } catch (const BrokenWire& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }

  wire::Windows windows;
  Door door;
};

/// The door of a near agent whose worker runs.
struct RunningNear : Agent {
  RunningNear() : Agent(Side::near) {
    take(frame(FrameType::hello, 0, text_of(wire::to_payload(wire::own_hello()))));
    door.expect_answer();
    take(frame(FrameType::started, 0, started()));
  }
};

TEST(WireDoor, LetsAWholeConversationPass) {
  RunningNear near;
  EXPECT_EQ(near.take(frame(FrameType::records, 0, record(5) + record(1024))), FrameType::records);
  near.take(frame(FrameType::overtaking));
  near.take(frame(FrameType::output, 1, "out"));
  near.take(frame(FrameType::output, 2, "err"));
  near.take(frame(FrameType::close));
  near.windows.records_out.spend(100);
  near.take(frame(FrameType::credit, 100));
  near.take(frame(FrameType::stuck, 1, text_of(wire::to_payload(wire::Stuck{}))));
  near.take(frame(FrameType::ping, 1));
  near.take(frame(FrameType::ended, 0, exited()));
  near.take(frame(FrameType::ping, 3));
  near.take(frame(FrameType::records, 0, record(32)));
  near.take(frame(FrameType::broken, 0, "why"));
  EXPECT_EQ(near.take(frame(FrameType::exit)), FrameType::exit);
}

TEST(WireDoor, WaitsForTheWholeFrame) {
  RunningNear near;
  const auto whole = frame(FrameType::records, 0, record(50));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    std::span<const std::byte> part(whole.data(), bytes);
    EXPECT_FALSE(near.door.next(part).has_value());
    EXPECT_EQ(part.size(), bytes) << "it took a part of a frame";
  }
  near.take(whole);
}

TEST(WireDoor, RefusesImpossibleHeaders) {
  RunningNear near;
  near.refuses(frame(static_cast<FrameType>(0)), "type 0, which there is not");
  near.refuses(frame(static_cast<FrameType>(wire::kLastType + 1)), "which there is not");
  auto bytes = frame(FrameType::close);
  bytes[6] = std::byte{1};
  near.refuses(bytes, "bits that mean nothing");
  near.refuses(frame(FrameType::close, 1), "with a value");
  near.refuses(frame(FrameType::close, 0, "x"), "with 1 bytes");
  near.refuses(frame(FrameType::records), "with 0 bytes");
  bytes = frame(FrameType::records, 0, record(5));
  const std::uint32_t too_much = wire::kMostPayload + 1;
  std::memcpy(bytes.data(), &too_much, sizeof too_much);
  near.refuses(bytes, "with 65537 bytes");  // before any of them has come
}

TEST(WireDoor, RefusesFramesThatMayNotComeNow) {
  Agent fresh(Side::near);
  for (const FrameType type : {FrameType::started, FrameType::records, FrameType::output, FrameType::exit,
                               FrameType::ended, FrameType::close, FrameType::credit}) {
    fresh.refuses(frame(type, 0, "12345"), "when it may send none");
  }
  const std::string hello = text_of(wire::to_payload(wire::own_hello()));
  fresh.take(frame(FrameType::hello, 0, hello));
  fresh.refuses(frame(FrameType::hello, 0, hello), "when it may send none");
  fresh.refuses(frame(FrameType::started, 0, started()), "when it may send none");  // it was not asked yet

  RunningNear near;
  for (const FrameType type : {FrameType::start, FrameType::signal, FrameType::output_credit, FrameType::started}) {
    near.refuses(frame(type, 0, "12345"), "when it may send none");
  }
  near.refuses(frame(FrameType::exit), "when it may send none");  // not before it has told how the worker ended
  near.take(frame(FrameType::broken));
  near.refuses(frame(FrameType::records, 0, record(5)), "when it may send none");
  near.refuses(frame(FrameType::broken), "when it may send none");
  near.take(frame(FrameType::ended, 0, exited()));
  near.refuses(frame(FrameType::ended, 0, exited()), "when it may send none");
  near.refuses(frame(FrameType::stuck, 1, text_of(wire::to_payload(wire::Stuck{}))), "when it may send none");
  near.take(frame(FrameType::exit));
  near.refuses(frame(FrameType::close), "when it may send none");
  near.refuses(frame(FrameType::output, 1, "x"), "when it may send none");
}

TEST(WireDoor, RefusesWhatOnlyTheOtherSideMaySend) {
  Agent far(Side::far);
  far.refuses(frame(FrameType::records, 0, record(5)), "when it may send none");
  far.take(frame(FrameType::start, 0, "request"));
  EXPECT_TRUE(far.door.has_start());
  for (const FrameType type : {FrameType::hello, FrameType::start, FrameType::started, FrameType::stuck,
                               FrameType::broken, FrameType::output, FrameType::ended, FrameType::exit}) {
    far.refuses(frame(type, 0, "12345"), "when it may send none");
  }
  far.take(frame(FrameType::records, 0, record(5)));
  far.take(frame(FrameType::overtaking));
  far.take(frame(FrameType::close));
  far.take(frame(FrameType::signal, 0, text_of(wire::to_payload(remote::SignalOrder{15, true, 3}))));
}

TEST(WireDoor, RefusesSignsOfLifeThatCannotBe) {
  RunningNear near;
  near.refuses(frame(FrameType::pong, 1), "when it may send none");
  near.refuses(frame(FrameType::ping, 0), "a number that it has used");
  near.refuses(frame(FrameType::ping, 1, "x"), "with 1 bytes");
  near.take(frame(FrameType::ping, 5));
  near.refuses(frame(FrameType::ping, 5), "a number that it has used");
  near.take(frame(FrameType::lease_over));
  near.refuses(frame(FrameType::ping, 6), "when it may send none");

  Agent far(Side::far);
  far.take(frame(FrameType::start, 0, "request"));
  far.refuses(frame(FrameType::ping, 1), "when it may send none");
  far.refuses(frame(FrameType::lease_over), "when it may send none");
  far.refuses(frame(FrameType::pong, 1), "a ping that there was not");
  far.door.expect_pong(2);
  far.take(frame(FrameType::pong, 1));
  far.refuses(frame(FrameType::pong, 1), "a ping that there was not");
  far.refuses(frame(FrameType::pong, 3), "a ping that there was not");
  far.take(frame(FrameType::pong, 2));
}

TEST(WireDoor, RefusesRecordsThatAreNotWholeOrTooLarge) {
  const std::pair<std::string, const char*> cases[] = {
      {record(4) + "x", "a record of 4 bytes"},
      {record(kMostRecord + 1), "a record of 1025 bytes, where the largest has 1024"},
      {record(10).substr(0, 9), "a part of a record"},
      {record(10) + "abc", "a part of a record"},
  };
  for (const auto& [records, words] : cases) {
    RunningNear near;
    near.refuses(frame(FrameType::records, 0, records), words);
  }
}

TEST(WireDoor, RefusesMoreThanTheWindow) {
  RunningNear near;
  std::string many;
  while (many.size() < 64 * kMostRecord) many += record(kMostRecord);
  for (std::size_t sent = 0; sent < wire::kWindow; sent += many.size()) near.take(frame(FrameType::records, 0, many));
  near.refuses(frame(FrameType::records, 0, record(5)), "more records than it may");

  RunningNear other;
  const std::string text(wire::kMostPayload, 'o');
  for (std::size_t sent = 0; sent < wire::kWindow; sent += text.size()) other.take(frame(FrameType::output, 1, text));
  other.refuses(frame(FrameType::output, 2, "x"), "more output than it may");
}

TEST(WireDoor, AWindowThatWasGivenBackMayBeUsedAgain) {
  RunningNear near;
  std::string many;
  while (many.size() < 64 * kMostRecord) many += record(kMostRecord);
  for (int i = 0; i < 100; ++i) {
    near.take(frame(FrameType::records, 0, many));
    (void)near.windows.records_in.pass_on(many.size());
  }
  EXPECT_EQ(near.windows.records_in.given(), 100 * many.size());
}

TEST(WireDoor, RefusesCreditThatWasNotUsed) {
  RunningNear near;
  near.windows.records_out.spend(10);
  near.refuses(frame(FrameType::credit, 11), "more credit than was used");
  Agent far(Side::far);
  far.take(frame(FrameType::start, 0, "request"));
  far.windows.output_out.spend(10);
  far.take(frame(FrameType::output_credit, 10));
  far.refuses(frame(FrameType::output_credit, 1), "more credit for output than was used");
  far.refuses(frame(FrameType::credit, ~std::uint64_t{0}), "more credit than was used");
}

TEST(WireDoor, PutsTheStartRequestTogetherFromPiecesThatFit) {
  Agent far(Side::far);
  far.take(frame(FrameType::start, 6, "abc"));
  EXPECT_FALSE(far.door.has_start());
  far.refuses(frame(FrameType::start, 6, "abc"), "does not fit the one before");
  far.refuses(frame(FrameType::start, 0, "abcdefg"), "does not fit the one before");
  far.take(frame(FrameType::start, 3, "def"));
  far.take(frame(FrameType::start, 0, "ghi"));
  EXPECT_TRUE(far.door.has_start());

  Agent other(Side::far);
  other.refuses(frame(FrameType::start, ~std::uint64_t{0}, "abc"), "too large");
}

TEST(WireDoor, RefusesContentsThatCannotBe) {
  RunningNear near;
  near.refuses(frame(FrameType::output, 3, "x"), "a stream that there is not");
  near.refuses(frame(FrameType::output, 0, "x"), "a stream that there is not");
  near.refuses(frame(FrameType::stuck, 2, text_of(wire::to_payload(wire::Stuck{}))), "neither stuck nor not");
  near.refuses(frame(FrameType::stuck, 1, "short"), "counts of impossible size");
  near.refuses(frame(FrameType::ended, 0, "nonsense"), "cannot be read");
  near.refuses(frame(FrameType::ended, 0, exited(256)), "an exit code");
  Agent fresh(Side::near);
  fresh.refuses(frame(FrameType::hello, 0, "short"), "a greeting of impossible size");
  Agent far(Side::far);
  far.take(frame(FrameType::start, 0, "request"));
  far.refuses(frame(FrameType::signal, 0, text_of(wire::to_payload(remote::SignalOrder{0}))),
              "a signal that there is not");
  far.refuses(frame(FrameType::signal, 0, text_of(wire::to_payload(remote::SignalOrder{65}))),
              "a signal that there is not");
}

}  // namespace
