// Tests that integer and enum channels, and messages in a steady state, allocate nothing.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>

#include "coproc/coproc.hpp"
#include "messenger/queues/allocation_count.hpp"

namespace coproc {
namespace {

enum class Urgency { fast, slow };
struct Payload {
  std::array<std::uint64_t, 8> words{};
};

TEST(OneProcessAllocation, IntegerAndEnumChannelsAllocateNothing) {
  const std::size_t before = coproc_test::allocations();
  std::size_t hash = 0;
  for (int i = 0; i < 100; ++i) {
    const ChannelId number = i, named = i % 2 == 0 ? Urgency::fast : Urgency::slow;
    const ChannelId copy = named;
    hash += number.hash() + (copy == named ? 1 : 0);
  }
  EXPECT_NE(hash, 0u);
  EXPECT_EQ(coproc_test::allocations(), before);
}

template <class Value>
struct OneProcessAllocationOf : ::testing::Test {};
using Values = ::testing::Types<Payload, std::array<std::uint64_t, 128>>;
TYPED_TEST_SUITE(OneProcessAllocationOf, Values);

/// Expects that `exchange` does not use the heap after it has been called some times.
template <class Exchange>
void expect_steady(Exchange exchange) {
  for (int i = 0; i < 10; ++i) exchange();
  const std::size_t made = coproc_test::allocations(), called = coproc_test::heap_calls();
  for (int i = 0; i < 10; ++i) exchange();
  EXPECT_EQ(coproc_test::allocations(), made);
  EXPECT_EQ(coproc_test::heap_calls(), called);
}

TYPED_TEST(OneProcessAllocationOf, RequestsAndRepliesThroughTheInboxTakeNothing) {
  auto [a, b] = PriorityMessenger::new_pair();
  expect_steady([&a = a, &b = b] {
    for (int i = 0; i < 12; ++i) a.send_request(TypeParam{}, Urgency::fast, {.priority = -i % 4});
    for (int i = 0; i < 12; ++i) {
      (void)b.receive_blocking<TypeParam>(Urgency::fast);
      b.send_reply(TypeParam{}, Urgency::fast);
    }
    for (int i = 0; i < 12; ++i) (void)a.receive_blocking<TypeParam>(Urgency::fast);
  });
}

TYPED_TEST(OneProcessAllocationOf, MessagesStraightFromTheLinkTakeNothing) {
  auto [a, b] = MultiMessenger::new_pair();
  expect_steady([&a = a, &b = b] {
    for (int i = 0; i < 12; ++i) a.send_norequest(TypeParam{});
    for (int i = 0; i < 12; ++i) (void)b.receive_blocking<TypeParam>();
    a.send_norequest(TypeParam{}, 7);
    EXPECT_TRUE(b.receive_for<TypeParam>(7, std::chrono::seconds(1)));
  });
}

TEST(OneProcessAllocation, AMessageTakesOneBlockForItsBytes) {
  auto [a, b] = MultiMessenger::new_pair();
  a.send_norequest(Payload{});
  (void)b.receive_blocking();
  a.send_norequest(Payload{});
  const std::size_t made = coproc_test::allocations(), called = coproc_test::heap_calls();
  (void)b.receive_blocking();
  EXPECT_EQ(coproc_test::allocations(), made);
  EXPECT_LE(coproc_test::heap_calls(), called + 1);
}

}  // namespace
}  // namespace coproc
