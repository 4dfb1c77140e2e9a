#include "agent/lease.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace {

using namespace std::chrono_literals;
using coproc::agent::Lease;
using std::chrono::nanoseconds;

constexpr std::int64_t at(nanoseconds time) { return 1'000'000 + time.count(); }

TEST(AgentLease, EndsIfNothingIsAnswered) {
  Lease lease(5s, at(0s));
  EXPECT_TRUE(lease.is_ping_due(at(0s)));
  EXPECT_EQ(lease.ping(at(0s)), 1u);
  EXPECT_FALSE(lease.is_ping_due(at(999ms)));
  EXPECT_EQ(lease.next_in(at(400ms)), 600ms);
  EXPECT_TRUE(lease.is_ping_due(at(1s)));
  EXPECT_EQ(lease.ping(at(1s)), 2u);
  EXPECT_FALSE(lease.is_over(at(2999ms)));
  EXPECT_EQ(lease.ends_in(at(2s)), 1s);
  EXPECT_TRUE(lease.is_over(at(3s)));
  EXPECT_EQ(lease.ends_in(at(4s)), 0s);
  EXPECT_EQ(lease.next_in(at(4s)), 0s);
}

TEST(AgentLease, AnAnswerCountsFromTheMomentOfItsPing) {
  Lease lease(5s, at(0s));
  for (int i = 0; i < 3; ++i) (void)lease.ping(at(1s * i));
  lease.renew(2);  // sent at 1 s, however late its answer comes
  EXPECT_FALSE(lease.is_over(at(3999ms)));
  EXPECT_TRUE(lease.is_over(at(4s)));
  lease.renew(3);
  EXPECT_FALSE(lease.is_over(at(4s)));
  EXPECT_TRUE(lease.is_over(at(5s)));
}

TEST(AgentLease, AnAnswerStandsForThosePingsThatNeverLeft) {
  Lease lease(5s, at(0s));
  (void)lease.ping(at(0s));
  (void)lease.ping(at(1s));
  lease.renew(1);
  EXPECT_TRUE(lease.is_over(at(3s)));
  lease.renew(2);
  EXPECT_FALSE(lease.is_over(at(3s)));
}

TEST(AgentLease, WithoutASilenceThereIsNone) {
  const Lease lease(nanoseconds::max(), at(0s));
  EXPECT_FALSE(lease.is_ping_due(at(100h)));
  EXPECT_FALSE(lease.is_over(at(100h)));
  EXPECT_EQ(lease.next_in(at(0s)), nanoseconds::max());
  EXPECT_EQ(lease.ends_in(at(0s)), nanoseconds::max());
}

}  // namespace
