#include "link/loan_allocator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace coproc::link {
namespace {

/// The return words of the peer and the memory of the system, for the allocator under test.
struct FakeMemory final : LoanMemory {
  std::map<std::uint32_t, std::uint32_t> words;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> given_back;
  mutable std::uint64_t looks = 0;

  bool is_returned(std::uint32_t slot, std::uint32_t generation) const noexcept override {
    ++looks;
    const auto at = words.find(slot);
    return at != words.end() && at->second == generation;
  }
  void give_back(std::uint64_t offset, std::uint64_t bytes) noexcept override {
    given_back.emplace_back(offset, bytes);
  }
};

constexpr std::uint64_t kMiB = 1 << 20;

struct OneProcessLoanAllocator : ::testing::Test {
  FakeMemory memory;
  LoanAllocator allocator{64 * kMiB, 1024, memory};

  LoanAllocator::Place lend(std::uint64_t bytes) {
    const auto place = allocator.take(bytes);
    EXPECT_TRUE(place);
    allocator.lend(place->slot);
    return *place;
  }
};

TEST_F(OneProcessLoanAllocator, WhatComesBackIsLentAgainAndStaysWarm) {
  const auto first = lend(10 * kMiB);
  memory.words[first.slot] = first.generation;
  const auto second = lend(10 * kMiB);
  EXPECT_EQ(second.offset, first.offset);
  EXPECT_EQ(second.slot, first.slot);
  EXPECT_NE(second.generation, first.generation);
  EXPECT_EQ(allocator.lent().loans, 1u);
  EXPECT_TRUE(memory.given_back.empty());
}

TEST_F(OneProcessLoanAllocator, AReturnThatIsForgedStaleOrDoubleIsIgnored) {
  const auto held = *allocator.take(kMiB);
  memory.words[held.slot] = held.generation;  // a return of a block that was never lent
  allocator.sweep();
  EXPECT_EQ(allocator.held().loans, 1u);
  allocator.lend(held.slot);
  memory.words[held.slot] = held.generation + 1;
  allocator.sweep();
  EXPECT_EQ(allocator.lent().loans, 1u);
  memory.words[held.slot] = held.generation;
  allocator.sweep();
  allocator.sweep();
  EXPECT_EQ(allocator.lent().loans, 0u);
  EXPECT_EQ(allocator.warm_bytes(), kMiB);
  const auto again = lend(kMiB);  // the word still has the value of the first return
  allocator.sweep();
  EXPECT_EQ(again.slot, held.slot);
  EXPECT_EQ(allocator.lent().loans, 1u);
}

TEST_F(OneProcessLoanAllocator, DroppingWhatIsLentDoesNothing) {
  const auto lent = lend(kMiB);
  allocator.drop(lent.slot);
  EXPECT_EQ(allocator.lent().loans, 1u);
  EXPECT_EQ(allocator.warm_bytes(), 0u);
}

TEST_F(OneProcessLoanAllocator, TheWholeSpaceIsOneLoanAndIsThereAgain) {
  const auto all = lend(64 * kMiB);
  EXPECT_FALSE(allocator.take(1));
  EXPECT_EQ(allocator.lent().bytes, 64 * kMiB);
  memory.words[all.slot] = all.generation;
  EXPECT_TRUE(allocator.take(1));  // the warm block is taken apart
  EXPECT_TRUE(allocator.take(32 * kMiB));
}

TEST_F(OneProcessLoanAllocator, PagesThatRoundingWouldWasteAreUsedWhereThereAreNoOthers) {
  LoanAllocator small(256 * kLoanPage, 1024, memory);
  EXPECT_TRUE(small.take(85 * kLoanPage));   // takes 88
  EXPECT_TRUE(small.take(168 * kLoanPage));  // would take 176
  EXPECT_FALSE(small.take(1));
}

TEST_F(OneProcessLoanAllocator, SlotsRunOutAndComeBack) {
  std::vector<LoanAllocator::Place> places;
  while (const auto place = allocator.take(1)) {
    allocator.lend(place->slot);
    places.push_back(*place);
  }
  EXPECT_EQ(places.size(), 1024u);
  memory.words[places[700].slot] = places[700].generation;
  EXPECT_EQ(allocator.take(1)->slot, places[700].slot);
  EXPECT_FALSE(allocator.take(1));
}

TEST_F(OneProcessLoanAllocator, LittleStaysWarmAndTheLongestUnusedGoesFirst) {
  LoanAllocator small(64 * kMiB, 1024, memory, 4 * kMiB);
  std::vector<LoanAllocator::Place> places;
  for (int i = 0; i < 8; ++i) places.push_back(*small.take(kMiB));
  for (const auto& place : places) small.drop(place.slot);
  EXPECT_EQ(small.warm_bytes(), 4 * kMiB);
  ASSERT_EQ(memory.given_back.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(memory.given_back[i], std::pair(places[i].offset, kMiB));
}

TEST_F(OneProcessLoanAllocator, WhatCameBackLastStaysWarmWhateverItsSize) {
  LoanAllocator small(64 * kMiB, 1024, memory, 4 * kMiB);
  for (int i = 0; i < 10; ++i) {
    const auto place = *small.take(32 * kMiB);
    small.lend(place.slot);
    memory.words[place.slot] = place.generation;
  }
  EXPECT_TRUE(memory.given_back.empty());
}

TEST_F(OneProcessLoanAllocator, NothingStaysWarmBehindAPeerThatHasEnded) {
  const auto returned = lend(kMiB), kept = lend(3 * kMiB);
  lend(2 * kMiB);  // which the peer never returned
  memory.words[returned.slot] = returned.generation;
  allocator.keep(kept.slot, true);
  const auto held = *allocator.take(4 * kMiB);
  allocator.retire();
  EXPECT_EQ(memory.given_back.size(), 2u);
  EXPECT_EQ(allocator.lent().bytes, 3 * kMiB) << "its user has it still";
  EXPECT_EQ(allocator.held().bytes, 4 * kMiB);
  allocator.keep(kept.slot, false);
  EXPECT_EQ(memory.given_back.back(), std::pair(kept.offset, 3 * kMiB));
  allocator.drop(held.slot);
  EXPECT_EQ(memory.given_back.back(), std::pair(held.offset, 4 * kMiB));
  EXPECT_EQ(allocator.lent().loans + allocator.held().loans + allocator.warm_bytes(), 0u);
}

TEST_F(OneProcessLoanAllocator, TheUsualLoanLooksAtFewOthers) {
  for (int i = 0; i < 1000; ++i) lend(1);
  const std::uint64_t before = memory.looks;
  const auto place = lend(1);
  memory.words[place.slot] = place.generation;
  EXPECT_LE(memory.looks - before, 4u);
}

TEST_F(OneProcessLoanAllocator, LoansThatStayOutDoNotHideThoseThatComeBack) {
  for (int i = 0; i < 1000; ++i) lend(1);
  // Each loan is returned at once, and the return is found before much memory is used: 32 MiB for 10 loans.
  std::set<std::uint64_t> places;
  for (int i = 0; i < 10'000; ++i) {
    const auto place = lend(kMiB);
    places.insert(place.offset);
    memory.words[place.slot] = place.generation;
  }
  EXPECT_LE(places.size(), 65u);
}

TEST_F(OneProcessLoanAllocator, AgreesWithAModel) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  LoanAllocator small(8 * kMiB, 200, memory, 2 * kMiB);
  struct Known {
    LoanAllocator::Place place;
    std::uint64_t bytes;
    bool is_lent;
  };
  std::vector<Known> known;
  std::uint64_t failures = 0;
  for (int step = 0; step < 20'000; ++step) {
    // A loan that an invalid word returned early is one that the peer has given up.
    std::erase_if(known,
                  [&](const Known& k) { return k.is_lent && memory.is_returned(k.place.slot, k.place.generation); });
    const auto what = random() % 8;
    if (what < 4) {
      const std::uint64_t bytes = random() % 4 == 0 ? 1 + random() % (2 * kMiB) : 1 + random() % (64 * 1024);
      const auto place = small.take(bytes);
      if (!place) {
        ++failures;
        continue;
      }
      ASSERT_LE(place->offset + bytes, 8 * kMiB);
      for (const Known& other : known) {
        ASSERT_NE(other.place.slot, place->slot);
        ASSERT_TRUE(other.place.offset + other.bytes <= place->offset || place->offset + bytes <= other.place.offset);
      }
      known.push_back({*place, bytes, false});
    } else if (!known.empty()) {
      const std::size_t index = random() % known.size();
      Known& one = known[index];
      if (!one.is_lent && what < 6) {
        small.lend(one.place.slot);
        one.is_lent = true;
        continue;
      }
      one.is_lent ? void(memory.words[one.place.slot] = one.place.generation) : small.drop(one.place.slot);
      known.erase(known.begin() + static_cast<std::ptrdiff_t>(index));
      if (random() % 8 == 0) {  // an invalid word, after earlier returns were seen
        small.sweep();
        memory.words[static_cast<std::uint32_t>(random() % 200)] = static_cast<std::uint32_t>(random() % 3);
      }
    }
  }
  EXPECT_GT(failures, 0u);
  small.sweep();
  std::erase_if(known,
                [&](const Known& k) { return k.is_lent && memory.is_returned(k.place.slot, k.place.generation); });
  std::uint64_t lent = 0, held = 0;
  for (const Known& one : known) (one.is_lent ? lent : held) += one.bytes;
  EXPECT_EQ(small.lent().bytes, lent);
  EXPECT_EQ(small.held().bytes, held);
  for (const Known& one : known)
    one.is_lent ? void(memory.words[one.place.slot] = one.place.generation) : small.drop(one.place.slot);
  EXPECT_TRUE(small.take(8 * kMiB));  // all free ranges were merged
}

}  // namespace
}  // namespace coproc::link
