#include "supervise/health.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "coproc/errors.hpp"

using namespace std::chrono_literals;
using coproc::Hang;
using coproc::HealthOptions;
using coproc::supervise::Health;
using coproc::supervise::HealthSample;
using coproc::supervise::HealthState;

namespace {

constexpr std::int64_t in_ns(std::chrono::nanoseconds time) { return time.count(); }

/// Looks at a worker at the right times of a clock that stands still otherwise.
struct Looking {
  explicit Looking(const HealthOptions& options) : health(options) {}

  /// Looks for so long, or until it hangs.
  HealthState go_on(std::chrono::nanoseconds time, const HealthSample& seen) {
    HealthState state = HealthState::idle;
    for (const std::int64_t end = now + in_ns(time); now < end && state != HealthState::hung;) {
      now += health.period();
      state = health.look(now, seen);
    }
    return state;
  }

  Health health;
  std::int64_t now = 1000;
};

const HealthSample kIdle{.is_asleep = true, .waits_for_records = true};
const HealthSample kHasUnread{.has_unread = true};
const HealthSample kHasInHand{.in_hand = {{7}}};

HealthOptions all(std::chrono::nanoseconds time) { return {.unread = time, .reply = time, .beat = time}; }

}  // namespace

TEST(Health, WithoutLimitsNothingIsLookedAt) {
  EXPECT_FALSE(Health({}).has_limits());
  EXPECT_TRUE(Health({.beat = 1s}).has_limits());
}

TEST(Health, LimitsThatAreNotLongerThan0AreRefused) {
  EXPECT_THROW(Health({.unread = 0s}), coproc::InvalidArgumentError);
  EXPECT_THROW(Health({.reply = -1s}), coproc::InvalidArgumentError);
  EXPECT_THROW(Health({.beat = 0s}), coproc::InvalidArgumentError);
}

TEST(Health, LooksFourTimesWithinTheSmallestLimit_WithinReason) {
  EXPECT_EQ(Health({.reply = 1s, .beat = 400ms}).period(), in_ns(100ms));
  EXPECT_EQ(Health({.unread = 1ns}).period(), in_ns(10ms));
  EXPECT_EQ(Health({.unread = 1h}).period(), in_ns(1s));
}

TEST(Health, AWorkerThatWaitsForMessagesNeverHangs) {
  Looking looking(all(20ms));
  EXPECT_EQ(looking.go_on(1h, kIdle), HealthState::idle);
  HealthSample has_beaten = kIdle;
  has_beaten.beats = 3;
  EXPECT_EQ(looking.go_on(1h, has_beaten), HealthState::idle);
}

TEST(Health, ARequestThatIsInHandForLongerThanAllowedIsAHang) {
  Looking looking({.reply = 30s});
  EXPECT_EQ(looking.go_on(30s, kHasInHand), HealthState::busy);  // the first look only finds it
  EXPECT_EQ(looking.go_on(1s, kHasInHand), HealthState::hung);
  EXPECT_EQ(looking.health.hang().why, Hang::Why::reply);
  EXPECT_EQ(looking.health.hang().time, 30s);
}

TEST(Health, ItHangsAsWellInAReceiveIfThereIsSomethingToAnswer) {
  Looking looking({.reply = 30s});
  HealthSample waits = kHasInHand;
  waits.waits_for_records = waits.is_asleep = true;
  EXPECT_EQ(looking.go_on(1h, waits), HealthState::hung);
}

TEST(Health, AWorkerThatAnswersSlowlyDoesNotHang) {
  Looking looking({.reply = 30s});
  for (std::uint64_t id = 1; id != 1000; ++id) {
    EXPECT_EQ(looking.go_on(29s, {.is_asleep = true, .in_hand = {{id}}}), HealthState::blocked);
  }
}

TEST(Health, EachRequestHasAClockOfItsOwn) {
  Looking looking({.reply = 30s});
  looking.go_on(20s, {.in_hand = {{1}, {2}}});
  looking.go_on(20s, {.in_hand = {{3}}});
  EXPECT_EQ(looking.go_on(20s, {.in_hand = {{4}, {1}}}), HealthState::busy);  // 1 was put back, and is in hand again
  looking.go_on(5s, {.in_hand = {{1}, {9}, {4}}});
  EXPECT_EQ(looking.go_on(10s, {.in_hand = {{9}, {4}}}), HealthState::hung);
}

TEST(Health, AStreamThatGoesOnDoesNotHang) {
  Looking looking({.reply = 30s});
  HealthSample streams{.in_hand = {{7, true}}};
  for (int i = 0; i != 1000; ++i) {
    streams.has_sent += 8;
    EXPECT_EQ(looking.go_on(29s, streams), HealthState::busy);
  }
  streams.waits_for_records = true;  // for the host, to be paid for
  EXPECT_NE(looking.go_on(1h, streams), HealthState::hung);
  streams.waits_for_records = false;
  EXPECT_EQ(looking.go_on(31s, streams), HealthState::hung);
}

TEST(Health, AnotherRequestIsNotSparedByPartsOfAStream) {
  Looking looking({.reply = 30s});
  HealthSample both{.in_hand = {{6}, {7, true}}};
  for (int i = 0; i != 2; ++i) {
    both.has_sent += 8;
    looking.go_on(20s, both);
  }
  EXPECT_EQ(looking.health.hang().time, 30s);
}

TEST(Health, AWorkerThatReadsNothingHangs) {
  Looking looking({.unread = 8s});
  EXPECT_EQ(looking.go_on(8s, kHasUnread), HealthState::busy);
  EXPECT_EQ(looking.go_on(1s, kHasUnread), HealthState::hung);
  EXPECT_EQ(looking.health.hang().why, Hang::Why::unread);
  EXPECT_EQ(looking.health.hang().time, 8s);
}

TEST(Health, AWorkerThatReadsALittleDoesNotHang) {
  Looking looking({.unread = 8s});
  HealthSample reads = kHasUnread;
  for (int i = 0; i != 1000; ++i) {
    reads.has_read += 8;
    EXPECT_EQ(looking.go_on(7s, reads), HealthState::busy);
  }
  EXPECT_EQ(looking.go_on(7s, {}), HealthState::busy);  // it has read everything
  EXPECT_EQ(looking.go_on(8s, reads), HealthState::busy);
}

TEST(Health, AWorkerThatHasBeatenOnceHasToGoOn) {
  Looking looking({.beat = 8s});
  HealthSample beats{};
  EXPECT_EQ(looking.go_on(1h, beats), HealthState::busy);  // it has never beaten
  for (int i = 0; i != 100; ++i) {
    ++beats.beats;
    EXPECT_EQ(looking.go_on(8s, beats), HealthState::busy);
  }
  HealthSample waits = beats;
  waits.waits_for_records = true;
  EXPECT_EQ(looking.go_on(1h, waits), HealthState::idle);
  EXPECT_EQ(looking.go_on(7s, beats), HealthState::busy);
  EXPECT_EQ(looking.go_on(2s, beats), HealthState::hung);
  EXPECT_EQ(looking.health.hang().why, Hang::Why::beat);
}

TEST(Health, WhileItIsStoppedOrTracedTheClocksStandStill) {
  for (const Hang::Why why : {Hang::Why::unread, Hang::Why::reply, Hang::Why::beat}) {
    Looking looking(all(30s));
    HealthSample seen{.has_unread = why == Hang::Why::unread, .beats = why == Hang::Why::beat ? 1U : 0U};
    if (why == Hang::Why::reply) seen.in_hand = {{7}};
    EXPECT_EQ(looking.go_on(20s, seen), HealthState::busy);
    HealthSample stopped = seen;
    stopped.is_stopped = true;
    EXPECT_EQ(looking.go_on(1h, stopped), HealthState::stopped);
    EXPECT_EQ(looking.go_on(11s, seen), HealthState::busy);
    EXPECT_EQ(looking.go_on(2s, seen), HealthState::hung);
    EXPECT_EQ(looking.health.hang().why, why);
    EXPECT_EQ(looking.health.hang().time, 30s);
  }
}

TEST(Health, IfOnlyTheHostDoesNotReadItsClocksBeginAnew) {
  Looking looking(all(30s));
  HealthSample blocked{.is_blocked_by_host = true, .has_unread = true, .beats = 1, .in_hand = {{7}}};
  EXPECT_EQ(looking.go_on(1h, blocked), HealthState::blocked_by_host);
  blocked.is_blocked_by_host = false;
  EXPECT_EQ(looking.go_on(29s, blocked), HealthState::busy);
  EXPECT_EQ(looking.go_on(2s, blocked), HealthState::hung);
}

TEST(Health, IfTheHostItselfWasStoppedAllClocksBeginAnew) {
  Looking looking(all(30s));
  const HealthSample seen{.has_unread = true, .beats = 1, .in_hand = {{7}}};
  for (int i = 0; i != 100; ++i) {
    EXPECT_EQ(looking.go_on(30s, seen), HealthState::busy);
    looking.now += in_ns(2s);  // the next look is late
  }
  looking.go_on(1s, seen);
  EXPECT_EQ(looking.go_on(1h, seen), HealthState::hung);
}

TEST(Health, ALookThatIsALittleLateCounts) {
  Looking looking({.reply = 30s});
  for (int i = 0; i != 15; ++i) {
    EXPECT_EQ(looking.health.look(looking.now, kHasInHand), HealthState::busy);
    looking.now += in_ns(2s);
  }
  EXPECT_EQ(looking.health.look(looking.now, kHasInHand), HealthState::hung);
}

TEST(Health, ForAnotherWorkerItBeginsAgain) {
  Looking looking(all(30s));
  HealthSample seen{.has_unread = true, .beats = 1, .in_hand = {{7}}};
  looking.go_on(1h, seen);
  looking.health.begin();
  EXPECT_EQ(looking.go_on(30s, seen), HealthState::busy);
  EXPECT_EQ(looking.go_on(1s, seen), HealthState::hung);
}
