// What does not allocate: integer and enum channels, and messages in the steady state.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "coproc/coproc.hpp"
#include "messenger/queues/allocation_count.hpp"

namespace coproc {
namespace {

enum class Lane { fast, slow };
struct Payload {
  std::array<std::uint64_t, 8> words{};
};

TEST(OneProcessAllocation, IntegerAndEnumChannelsAllocateNothing) {
  const std::size_t before = coproc_test::allocations();
  std::size_t hash = 0;
  for (int i = 0; i < 100; ++i) {
    const ChannelId number = i, lane = i % 2 == 0 ? Lane::fast : Lane::slow;
    const ChannelId copy = lane;
    hash += number.hash() + (copy == lane ? 1 : 0);
  }
  EXPECT_NE(hash, 0u);
  EXPECT_EQ(coproc_test::allocations(), before);
}

TEST(OneProcessAllocation, MessagesAllocateNothingInTheSteadyState) {
  auto [a, b] = PriorityMessenger::new_pair();
  auto exchange = [&a = a, &b = b] {
    for (int i = 0; i < 40; ++i) a.send_request(Payload{}, Lane::fast, {.priority = i % 4});
    for (int i = 0; i < 40; ++i) {
      (void)b.receive_blocking<Payload>(Lane::fast);
      b.send_reply(Payload{}, Lane::fast);
    }
    for (int i = 0; i < 40; ++i) (void)a.receive_blocking<Payload>(Lane::fast);
  };
  for (int i = 0; i < 10; ++i) exchange();
  const std::size_t before = coproc_test::allocations();
  for (int i = 0; i < 10; ++i) exchange();
  EXPECT_EQ(coproc_test::allocations(), before);
}

}  // namespace
}  // namespace coproc
