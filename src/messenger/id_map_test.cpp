#include "messenger/id_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace coproc::detail {
namespace {

using Map = IdMap<std::uint32_t, ~std::uint32_t{0}>;

TEST(IdMapCount, FindsWhatWasInsertedAndNothingElse) {
  Map map;
  EXPECT_EQ(map.find(1), nullptr);
  EXPECT_FALSE(map.erase(1));
  for (std::uint32_t id = 1; id <= 1000; ++id) map.insert(id, id * 2);
  for (std::uint32_t id = 1; id <= 1000; ++id) EXPECT_EQ(*map.find(id), id * 2);
  EXPECT_EQ(map.find(0), nullptr);
  EXPECT_EQ(map.find(1001), nullptr);
  EXPECT_EQ(map.size(), 1000u);
}

TEST(IdMapCount, IdsThatTheWindowLeavesBehindAreStillFound) {
  Map map;
  map.insert(1, 11);
  map.insert(2, 22);
  for (std::uint64_t id = 3; id != 100'000; ++id) {
    map.insert(id, 33);
    EXPECT_TRUE(map.erase(id));
  }
  EXPECT_EQ(map.size(), 2u);
  EXPECT_EQ(*map.find(1), 11u);
  EXPECT_TRUE(map.erase(2));
  EXPECT_TRUE(map.erase(1));
  EXPECT_EQ(map.size(), 0u);
}

TEST(IdMapCount, RunsOfIdsGoBehindOthersAndAnywhere) {
  Map map;
  map.insert_run(10, 5, 1);     // no memory yet
  map.insert_run(15, 3, 2);     // behind the last one
  map.insert_run(18, 1000, 3);  // more than there is room for
  map.insert_run(5, 4, 4);      // before the first one
  EXPECT_EQ(map.size(), 1012u);
  EXPECT_EQ(*map.find(14), 1u);
  EXPECT_EQ(*map.find(15), 2u);
  EXPECT_EQ(*map.find(1017), 3u);
  EXPECT_EQ(*map.find(8), 4u);
  EXPECT_EQ(map.find(9), nullptr);
  EXPECT_EQ(map.find(1018), nullptr);
  for (std::uint64_t id = 5; id != 1018; ++id) EXPECT_EQ(map.erase(id), id != 9) << id;
  EXPECT_EQ(map.size(), 0u);
}

/// Compares it with a std::map, for ids that are dense, in any order, far apart, and at both ends of the range.
TEST(IdMapCount, DoesWhatAMapDoes) {
  std::mt19937_64 random(1);
  for (int kind = 0; kind < 4; ++kind) {
    Map map;
    std::map<std::uint64_t, std::uint32_t> model;
    std::uint64_t next = 1;
    for (int i = 0; i < 30'000; ++i) {
      std::uint64_t id = 0;
      if (kind == 0) id = next++;
      if (kind == 1) id = 1 + random() % 5'000;
      if (kind == 2) id = random();
      if (kind == 3) id = random() % 8 == 0 ? ~std::uint64_t{0} - random() % 8 : next++;
      if (id == 0) continue;
      if (random() % 2 == 0) {
        if (model.emplace(id, i).second) map.insert(id, static_cast<std::uint32_t>(i));
      } else if (!model.empty()) {
        auto at = model.lower_bound(kind == 0 && random() % 2 == 0 ? model.begin()->first : id);
        if (at == model.end()) at = model.begin();
        EXPECT_EQ(map.erase(at->first), true);
        EXPECT_EQ(map.erase(at->first), false);
        model.erase(at);
      }
      ASSERT_EQ(map.size(), model.size());
      const auto found = model.find(id);
      const std::uint32_t* const value = map.find(id);
      ASSERT_EQ(value != nullptr, found != model.end());
      if (value != nullptr) {
        ASSERT_EQ(*value, found->second);
      }
    }
    std::map<std::uint64_t, std::uint32_t> all;
    map.for_each([&](std::uint64_t id, std::uint32_t value) { all[id] = value; });
    EXPECT_EQ(all, model);
  }
}

}  // namespace
}  // namespace coproc::detail
