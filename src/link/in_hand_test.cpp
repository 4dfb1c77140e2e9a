#include "link/in_hand.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace coproc::inline v0::link {

TEST(InHand, IsWhatWasAddedAndNotRemoved) {
  InHandWords words{};
  InHandTeller teller(words);
  const std::uint32_t first = teller.add(10), second = teller.add(20);
  EXPECT_NE(first, second);
  InHand seen = look_in_hand(words);
  EXPECT_TRUE(seen.holds(10) && seen.holds(20));
  EXPECT_FALSE(seen.holds(30));
  teller.remove(first);
  EXPECT_EQ(teller.add(30), first);
  seen = look_in_hand(words);
  EXPECT_TRUE(seen.holds(20) && seen.holds(30));
  EXPECT_FALSE(seen.holds(10));
}

TEST(InHand, WhatIsBeingDecodedIsInHand) {
  InHandWords words{};
  InHandTeller teller(words);
  teller.note_decoding(10);
  EXPECT_TRUE(look_in_hand(words).holds(10));
  teller.note_decoding(20);
  EXPECT_TRUE(look_in_hand(words).holds(20));
  EXPECT_FALSE(look_in_hand(words).holds(10));
}

TEST(InHand, IsAllWhereThereAreMoreThanSlotsOrNobodyTells) {
  InHandWords words{};
  EXPECT_TRUE(look_in_hand(words).holds(1));
  InHandTeller teller(words);
  EXPECT_FALSE(look_in_hand(words).holds(1));
  std::vector<std::uint32_t> slots;
  for (std::uint64_t id = 1; id <= kInHandSlots; ++id) slots.push_back(teller.add(id));
  EXPECT_TRUE(look_in_hand(words).holds(kInHandSlots));
  EXPECT_FALSE(look_in_hand(words).holds(kInHandSlots + 1));
  const std::uint32_t none = teller.add(100), one_more = teller.add(101);
  EXPECT_EQ(none, InHandTeller::kNoSlot);
  EXPECT_TRUE(look_in_hand(words).holds(12345));
  teller.remove(none);
  EXPECT_TRUE(look_in_hand(words).holds(12345));
  teller.remove(one_more);
  EXPECT_FALSE(look_in_hand(words).holds(12345));
  for (const std::uint32_t slot : slots) teller.remove(slot);
  EXPECT_FALSE(look_in_hand(words).holds(1));
}

}  // namespace coproc::inline v0::link
