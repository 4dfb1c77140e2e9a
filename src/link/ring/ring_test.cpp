#include "ring/ring.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace coproc::ring {
namespace {

struct OneProcessRing : ::testing::Test {
  static constexpr std::size_t kBytes = 4096;
  alignas(64) Positions positions{};
  alignas(64) std::byte memory[kBytes] = {};
  Producer producer{positions, memory};
  Consumer consumer{positions, memory};

  bool put(const std::string& text, std::size_t at_least = 0) {
    auto room = producer.reserve(std::max(at_least, 4 + text.size()));
    if (room.empty()) return false;
    std::memcpy(room.data() + 4, text.data(), text.size());
    producer.commit(4 + text.size());
    producer.publish();
    return true;
  }
  std::string take() {
    consumer.look();
    auto record = consumer.front();
    std::string text(reinterpret_cast<const char*>(record.data()) + 4, record.size() - 4);
    consumer.pop();
    consumer.release();
    return text;
  }
  void set_tail(std::uint64_t to) { positions.tail.store(to); }
  void set_length(std::size_t place, std::uint32_t to) { std::memcpy(memory + place, &to, 4); }
};

TEST_F(OneProcessRing, GivesBackWhatWasPutInOrder) {
  EXPECT_FALSE(consumer.look());
  EXPECT_TRUE(put("first"));
  EXPECT_TRUE(put("second"));
  EXPECT_EQ(take(), "first");
  EXPECT_EQ(take(), "second");
  EXPECT_FALSE(consumer.look());
  EXPECT_TRUE(consumer.front().empty());
}

TEST_F(OneProcessRing, ShowsNothingBeforeItIsPublished) {
  auto room = producer.reserve(16);
  ASSERT_FALSE(room.empty());
  producer.commit(16);
  EXPECT_FALSE(consumer.look());
  producer.publish();
  EXPECT_TRUE(consumer.look());
}

TEST_F(OneProcessRing, IsFullUntilSpaceIsReleased) {
  int records = 0;
  while (put(std::string(60, 'x'))) ++records;
  EXPECT_EQ(records, 64);
  ASSERT_TRUE(consumer.look());
  consumer.front();
  consumer.pop();
  EXPECT_FALSE(put(std::string(60, 'y')));  // popped, but not released
  EXPECT_TRUE(consumer.release());
  EXPECT_FALSE(consumer.release());
  EXPECT_TRUE(put(std::string(60, 'y')));
}

TEST_F(OneProcessRing, NeverWrapsARecord) {
  std::mt19937 random(7);
  for (int i = 0; i < 10000; ++i) {
    const std::string text(random() % 1000 + 4, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(put(text));
    ASSERT_EQ(take(), text) << i;
  }
}

TEST_F(OneProcessRing, RefusesAPositionThatGoesBack) {
  put("a");
  put("b");
  take();
  take();
  set_tail(8);
  EXPECT_FALSE(consumer.look());
  EXPECT_TRUE(consumer.is_broken());
}

TEST_F(OneProcessRing, RefusesAPositionTooFarAhead) {
  set_tail(kBytes + 8);
  EXPECT_FALSE(consumer.look());
  EXPECT_TRUE(consumer.is_broken());
}

TEST_F(OneProcessRing, RefusesAnUnalignedPosition) {
  set_tail(12);
  EXPECT_FALSE(consumer.look());
  EXPECT_TRUE(consumer.is_broken());
}

TEST_F(OneProcessRing, RefusesImpossibleLengths) {
  for (const std::uint32_t length : {0u, 4u, 17u, 1025u, 0x7fff'ffffu, 0xffff'ffffu, kPadBit, kPadBit | 24u}) {
    Positions fresh{};
    std::memset(memory, 0, sizeof memory);
    Consumer reader(fresh, memory);
    set_length(0, length);
    fresh.tail.store(16);
    ASSERT_TRUE(reader.look()) << length;
    EXPECT_TRUE(reader.front().empty()) << length;
    EXPECT_TRUE(reader.is_broken()) << length;
  }
}

TEST_F(OneProcessRing, RefusesAHeadThatLies) {
  put("a");
  for (const std::uint64_t head : {std::uint64_t{1}, std::uint64_t{1000000}, ~std::uint64_t{7}}) {
    Producer writer(positions, memory);
    while (!writer.reserve(512).empty()) writer.commit(512);
    positions.head.store(head);
    EXPECT_TRUE(writer.reserve(512).empty());
    EXPECT_TRUE(writer.is_broken()) << head;
    positions.head.store(0);
  }
}

TEST_F(OneProcessRing, KeepsOrderAndContentBetweenTwoThreads) {
  constexpr std::uint64_t kRecords = 200000;
  std::thread writer([&] {
    std::mt19937 random(1);
    for (std::uint64_t i = 0; i < kRecords;) {
      const std::size_t bytes = 4 + 8 + random() % 300;
      auto room = producer.reserve(bytes);
      if (room.empty()) {
        std::this_thread::yield();
        continue;
      }
      std::memcpy(room.data() + 4, &i, 8);
      std::memset(room.data() + 12, static_cast<int>(i & 0xff), bytes - 12);
      producer.commit(bytes);
      if (random() % 3 != 0) producer.publish();
      ++i;
    }
    producer.publish();
  });
  std::uint64_t expected = 0;
  bool is_right = true;
  while (expected < kRecords) {
    if (!consumer.look()) {
      std::this_thread::yield();
      continue;
    }
    for (auto record = consumer.front(); !record.empty(); record = consumer.front()) {
      std::uint64_t number = 0;
      std::memcpy(&number, record.data() + 4, 8);
      is_right = is_right && number == expected;
      for (std::size_t i = 12; i < record.size(); ++i) is_right = is_right && record[i] == std::byte(expected & 0xff);
      ++expected;
      consumer.pop();
    }
    consumer.release();
  }
  writer.join();
  EXPECT_TRUE(is_right);
  EXPECT_FALSE(consumer.is_broken());
}

}  // namespace
}  // namespace coproc::ring
