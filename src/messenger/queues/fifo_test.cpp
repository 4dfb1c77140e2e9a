#include "coproc/detail/fifo.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "messenger/queues/allocation_count.hpp"

namespace coproc::detail {
namespace {

template <class T>
std::vector<T> drain(Fifo<T>& fifo) {
  std::vector<T> values;
  for (; !fifo.empty(); fifo.pop_front()) values.push_back(std::move(fifo.front()));
  return values;
}

TEST(Fifo, IsADequeAfterAnyOperations) {
  std::mt19937 random(7);
  Fifo<std::string> fifo;
  std::deque<std::string> model;
  for (int i = 0; i < 200'000; ++i) {
    const auto choice = random() % 1000;
    const bool grows = (i / 5000) % 2 == 0;
    if (choice == 0) {
      const auto is_unwanted = [](const std::string& text) { return text.back() == '3'; };
      fifo.erase_if(is_unwanted);
      std::erase_if(model, is_unwanted);
    } else if (choice == 1 && i % 50 == 0) {
      fifo.clear();
      model.clear();
    } else if (model.empty() || choice < (grows ? 600u : 400u)) {
      fifo.push_back("a text that is too long to be kept in place " + std::to_string(i));
      model.push_back("a text that is too long to be kept in place " + std::to_string(i));
    } else if (choice == 998) {
      ASSERT_EQ(fifo.back(), model.back());
      fifo.pop_back();
      model.pop_back();
    } else if (choice == 999) {
      fifo.push_front("a text that goes to the front " + std::to_string(i));
      model.push_front("a text that goes to the front " + std::to_string(i));
    } else {
      ASSERT_EQ(fifo.front(), model.front());
      fifo.pop_front();
      model.pop_front();
    }
    ASSERT_EQ(fifo.size(), model.size());
    ASSERT_EQ(fifo.empty(), model.empty());
  }
  EXPECT_EQ(drain(fifo), std::vector<std::string>(model.begin(), model.end()));
}

TEST(Fifo, GrowsFromItsFrontAndFromItsBack) {
  Fifo<std::shared_ptr<int>> fifo;  // shared_ptr, so that a value that is destroyed twice is found
  std::deque<std::shared_ptr<int>> model;
  for (int i = 0; i < 100; ++i) {
    const auto value = std::make_shared<int>(i);
    i % 3 == 0 ? fifo.push_back(value) : fifo.push_front(value);
    i % 3 == 0 ? model.push_back(value) : model.push_front(value);
  }
  EXPECT_EQ(fifo.size(), model.size());
  for (const auto& value : model) {
    EXPECT_EQ(value.use_count(), 2);
    EXPECT_EQ(fifo.front(), value);
    fifo.pop_front();
  }
}

TEST(Fifo, ErasesAcrossTheEndOfAFullRing) {
  Fifo<std::shared_ptr<int>> fifo;  // shared_ptr, so that a value that is destroyed twice is found
  std::vector<std::shared_ptr<int>> values;
  const auto push = [&] {
    fifo.push_back(values.emplace_back(std::make_shared<int>(static_cast<int>(values.size()))));
  };
  do {
    push();
  } while (fifo.size() < fifo.capacity());
  for (int i = 0; i < 3; ++i) {
    fifo.pop_front();
    push();
  }
  ASSERT_EQ(fifo.size(), fifo.capacity()) << "the test wants a full ring whose front is not at the beginning";
  fifo.erase_if([](const std::shared_ptr<int>& value) { return *value % 2 == 0; });
  for (std::size_t i = 3; i < values.size(); ++i) EXPECT_EQ(values[i].use_count(), i % 2 == 0 ? 1 : 2) << i;
  for (std::size_t i = 3; i < values.size(); i += 2) {
    EXPECT_EQ(fifo.front(), values[i]);
    fifo.pop_front();
  }
  EXPECT_TRUE(fifo.empty());
}

TEST(Fifo, KeepsTheOrderWhenAPredicateThrows) {
  Fifo<int> fifo;
  for (int i = 0; i < 21; ++i) fifo.push_back(i);
  EXPECT_THROW(fifo.erase_if([](int value) {
    if (value == 10) throw std::runtime_error("enough");
    return value == 2;
  }),
               std::runtime_error);
  std::vector<int> expected;
  for (int i = 0; i < 21; ++i) {
    if (i != 2) expected.push_back(i);
  }
  EXPECT_EQ(drain(fifo), expected);
}

TEST(Fifo, HoldsMoveOnlyValues) {
  Fifo<std::unique_ptr<int>> fifo;
  for (int i = 0; i < 100; ++i) fifo.push_back(std::make_unique<int>(i));
  fifo.erase_if([](const std::unique_ptr<int>& value) { return *value % 3 != 0; });
  Fifo<std::unique_ptr<int>> moved = std::move(fifo);
  EXPECT_TRUE(fifo.empty());  // NOLINT: a moved-from Fifo is an empty one
  EXPECT_EQ(moved.size(), 34u);
  EXPECT_EQ(*moved.front(), 0);
  fifo = std::move(moved);
  fifo.pop_front();
  EXPECT_EQ(*fifo.front(), 3);
}

struct ThrowsWhenCopied {
  explicit ThrowsWhenCopied(int v) : value(v) {}
  ThrowsWhenCopied(const ThrowsWhenCopied& other) : value(other.value) {
    if (countdown != 0 && --countdown == 0) throw std::runtime_error("cannot copy");
  }
  ThrowsWhenCopied& operator=(const ThrowsWhenCopied&) = default;
  int value;
  static inline int countdown = 0;
};

TEST(Fifo, IsAsItWasWhenGrowingThrows) {
  for (int nth = 1; nth < 40; ++nth) {
    Fifo<ThrowsWhenCopied> fifo;
    int pushed = 0;
    ThrowsWhenCopied::countdown = 0;
    while (pushed == 0 || fifo.size() != fifo.capacity()) fifo.push_back(ThrowsWhenCopied(pushed++));
    ThrowsWhenCopied::countdown = nth;
    bool has_thrown = false;
    try {
      fifo.push_back(ThrowsWhenCopied(pushed));
    } catch (const std::runtime_error&) {
      has_thrown = true;
    }
    ThrowsWhenCopied::countdown = 0;
    ASSERT_EQ(fifo.size(), static_cast<std::size_t>(pushed + (has_thrown ? 0 : 1)));
    for (int i = 0; !fifo.empty(); ++i, fifo.pop_front()) ASSERT_EQ(fifo.front().value, i);
    if (!has_thrown) return;
    ASSERT_LT(nth, 39) << "a push of a full ring never came to its end";
  }
}

TEST(Fifo, AllocatesNothingWhileNewAndNothingInASteadyState) {
  const std::size_t before = coproc_test::allocations();
  Fifo<std::uint64_t> fifo;
  EXPECT_EQ(coproc_test::allocations(), before);
  for (std::uint64_t i = 0; i < 100; ++i) fifo.push_back(i);
  const std::size_t warm = coproc_test::allocations();
  for (int round = 0; round < 1000; ++round) {
    while (!fifo.empty()) fifo.pop_front();
    for (std::uint64_t i = 0; i < 100; ++i) fifo.push_back(i);
  }
  EXPECT_EQ(coproc_test::allocations(), warm);
}

TEST(Fifo, StartsSmallAndGivesAFloodsMemoryBack) {
  Fifo<std::uint64_t> fifo;
  fifo.push_back(0);
  EXPECT_LE(fifo.capacity(), 8u);
  for (std::uint64_t i = 0; i < 1'000'000; ++i) fifo.push_back(i);
  while (!fifo.empty()) fifo.pop_front();
  EXPECT_LE(fifo.capacity() * sizeof(std::uint64_t), Fifo<std::uint64_t>::kKeptBytes);
  for (std::uint64_t i = 0; i < 1'000'000; ++i) fifo.push_back(i);
  fifo.clear();
  EXPECT_LE(fifo.capacity() * sizeof(std::uint64_t), Fifo<std::uint64_t>::kKeptBytes);
  for (std::uint64_t i = 0; i < 1'000'000; ++i) fifo.push_back(i);
  fifo.erase_if([](std::uint64_t) { return true; });
  EXPECT_LE(fifo.capacity() * sizeof(std::uint64_t), Fifo<std::uint64_t>::kKeptBytes);
}

TEST(Fifo, KeepsOnePlaceForLargeValues) {
  struct Large {
    std::array<char, 100'000> bytes{};
  };
  Fifo<Large> fifo;
  fifo.push_back({});
  EXPECT_EQ(fifo.capacity(), 1u);
  fifo.pop_front();
  const std::size_t warm = coproc_test::allocations();
  fifo.push_back({});
  EXPECT_EQ(coproc_test::allocations(), warm);
}

TEST(Fifo, DestroysWhatItHolds) {
  auto token = std::make_shared<int>(1);
  {
    Fifo<std::shared_ptr<int>> fifo;
    for (int i = 0; i < 50; ++i) fifo.push_back(token);
    for (int i = 0; i < 20; ++i) fifo.pop_front();
    EXPECT_EQ(token.use_count(), 31);
    Fifo<std::shared_ptr<int>> other;
    other.push_back(token);
    other = std::move(fifo);
    EXPECT_EQ(token.use_count(), 31);
  }
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace coproc::detail
