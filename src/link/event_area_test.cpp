#include "link/event_area.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "link/event_places.hpp"
#include "link/event_writer.hpp"
#include "os/fork_guard.hpp"

namespace coproc::inline v0::link {

namespace {

constexpr EventShape kSmall{16};

struct Area {
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(kSmall.bytes() / 8);
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words)); }
};

bool is_plain(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

}  // namespace

TEST(OneProcessEventArea, HoldsWhatWasNotedInOrder) {
  Area area;
  EventWriter writer(area.bytes(), kSmall);
  const std::uint32_t parse = writer.number_of("parse");
  EXPECT_EQ(writer.number_of("parse"), parse);
  EXPECT_NE(writer.number_of("open"), parse);
  writer.note(EventKind::began_span, parse, 7);
  writer.note(EventKind::began_wait, 0, 0);
  const NotedEvents noted = read_events(area.bytes(), kSmall, 0);
  ASSERT_EQ(noted.events.size(), 2U);
  EXPECT_EQ(noted.missing, 0U);
  EXPECT_EQ(noted.events[0].kind, EventKind::began_span);
  EXPECT_EQ(noted.events[0].name, "parse");
  EXPECT_EQ(noted.events[0].id, 7U);
  EXPECT_EQ(noted.events[1].kind, EventKind::began_wait);
  EXPECT_EQ(noted.events[1].name, "");
  EXPECT_LE(noted.events[0].time, noted.events[1].time);
}

TEST(OneProcessEventArea, SaysHowMuchWasOverwritten) {
  Area area;
  EventWriter writer(area.bytes(), kSmall);
  for (std::uint64_t i = 1; i <= 100; ++i) writer.note(EventKind::mark, 0, i);
  const NotedEvents noted = read_events(area.bytes(), kSmall, 10);
  ASSERT_EQ(noted.events.size(), 16U);
  EXPECT_EQ(noted.missing, 74U);
  EXPECT_EQ(noted.events.front().id, 85U);
  EXPECT_EQ(noted.events.back().number, 100U);
  EXPECT_TRUE(read_events(area.bytes(), kSmall, 100).events.empty());
  EXPECT_EQ(read_events(area.bytes(), kSmall, 100).missing, 0U);
}

TEST(OneProcessEventArea, WhatIsBeingWrittenIsLeftForTheNextLook) {
  Area area;
  EventWriter writer(area.bytes(), kSmall);
  for (std::uint64_t i = 1; i <= 3; ++i) writer.note(EventKind::mark, 0, i);
  EventWords* const ring = event_ring(area.bytes());
  ring[1].number = 0;
  NotedEvents noted = read_events(area.bytes(), kSmall, 0, Look::more_follow);
  ASSERT_EQ(noted.events.size(), 1U);
  EXPECT_EQ(noted.until, 1U);
  EXPECT_EQ(noted.missing, 0U);
  const NotedEvents last = read_events(area.bytes(), kSmall, noted.until);
  ASSERT_EQ(last.events.size(), 1U);
  EXPECT_EQ(last.events[0].id, 3U);
  EXPECT_EQ(last.missing, 1U);
  ring[1].number = 2;
  noted = read_events(area.bytes(), kSmall, noted.until, Look::more_follow);
  ASSERT_EQ(noted.events.size(), 2U);
  EXPECT_EQ(noted.events[0].id, 2U);
  EXPECT_EQ(noted.until, 3U);
  EXPECT_EQ(noted.missing, 0U);
}

TEST(OneProcessEventArea, TheNewestThatIsNotLegibleIsMissingOnce) {
  Area area;
  EventWriter writer(area.bytes(), kSmall);
  for (std::uint64_t i = 1; i <= 3; ++i) writer.note(EventKind::mark, 0, i);
  event_ring(area.bytes())[2].what = 0;
  const NotedEvents noted = read_events(area.bytes(), kSmall, 0, Look::more_follow);
  EXPECT_EQ(noted.missing, 1U);
  EXPECT_EQ(noted.until, 3U);
  writer.note(EventKind::mark, 0, 4);
  const NotedEvents next = read_events(area.bytes(), kSmall, noted.until, Look::more_follow);
  ASSERT_EQ(next.events.size(), 1U);
  EXPECT_EQ(next.missing, 0U);
}

TEST(OneProcessEventArea, NumbersThatNoWriterReachesAreNone) {
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  for (const std::uint64_t number :
       {kAll, kAll - 15, kAll - 14, std::uint64_t{1} << 63, (std::uint64_t{1} << 62) + 1}) {
    for (const Look look : {Look::more_follow, Look::last}) {
      Area area;
      EventWriter writer(area.bytes(), kSmall);
      writer.note(EventKind::mark, 0, 1);
      for (std::uint64_t place = 1; place < kSmall.events; ++place) {
        event_ring(area.bytes())[place].number = number - (number - 1) % kSmall.events + place;
        event_ring(area.bytes())[place].what = static_cast<std::uint64_t>(EventKind::mark);
      }
      const NotedEvents noted = read_events(area.bytes(), kSmall, 0, look);
      ASSERT_EQ(noted.events.size(), 1U) << number;
      EXPECT_EQ(noted.until, 1U);
      EXPECT_EQ(noted.missing, 0U);
      EXPECT_TRUE(read_events(area.bytes(), kSmall, kAll, look).events.empty());
    }
  }
}

TEST(OneProcessEventArea, ANewNameWaitsForTheForksOfOthers) {
  Area area;
  EventWriter writer(area.bytes(), kSmall);
  std::atomic<bool> has_begun{false}, is_known{false};
  std::thread thread;
  {
    const os::ForkLock as_in_a_fork;
    thread = std::thread([&] {
      has_begun = true;
      writer.number_of("new");
      is_known = true;
    });
    while (!has_begun) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(is_known);
  }
  thread.join();
}

TEST(OneProcessEventArea, ALongNameIsCut_AndTooManyAreOther) {
  Area area;
  EventWriter writer(area.bytes(), kSmall);
  writer.note(EventKind::mark, writer.number_of(std::string(1000, 'x')), 0);
  for (int i = 0; i < 300; ++i) writer.number_of("name " + std::to_string(i));
  writer.note(EventKind::mark, writer.number_of("one more"), 0);
  const NotedEvents noted = read_events(area.bytes(), kSmall, 0);
  ASSERT_EQ(noted.events.size(), 2U);
  EXPECT_EQ(noted.events[0].name, std::string(47, 'x'));
  EXPECT_EQ(noted.events[1].name, "(other)");
}

TEST(OneProcessEventArea, IsReadInTimeToLoseNothing) {
  Area area;
  EventWriter writer(area.bytes(), kSmall);
  std::uint64_t last = 0, seen = 0, missing = 0;
  writer.when_half_full([&] {
    const NotedEvents noted = read_events(area.bytes(), kSmall, last);
    seen += noted.events.size();
    missing += noted.missing;
    last = noted.events.back().number;
  });
  for (std::uint64_t i = 0; i < 800; ++i) writer.note(EventKind::mark, 0, i);
  EXPECT_EQ(seen, 800U);
  EXPECT_EQ(missing, 0U);
}

TEST(OneProcessEventArea, WhateverStandsThere_TheEventsAreTextAndNumbers) {
  std::mt19937_64 random(42);
  std::size_t most_seen = 0;
  for (int round = 0; round < 2000; ++round) {
    Area area;
    for (std::uint64_t& word : area.words) {
      switch (random() % 4) {
        case 0:
          word = random();
          break;
        case 1:
          word = random() % 40;  // numbers and kinds that can be
          break;
        case 2:
          word = ~std::uint64_t{0};
          break;
        default:
          break;
      }
    }
    EventWords* const ring = event_ring(area.bytes());
    for (std::uint64_t place = 0; place < kSmall.events; ++place) {  // some events with any of these names
      if (random() % 2 == 0) continue;
      ring[place].number = place + 1 + kSmall.events * (random() % 3);
      ring[place].what = random() % 14 | (random() % 260) << 8;
      ring[place].time = random() >> 1;
    }
    const std::uint64_t behind = random() % 8;
    const NotedEvents noted = read_events(area.bytes(), kSmall, behind);
    ASSERT_LE(noted.events.size(), kSmall.events);
    most_seen = std::max(most_seen, noted.events.size());
    std::uint64_t last = behind;
    for (const NotedEvent& event : noted.events) {
      ASSERT_GT(event.number, last);
      last = event.number;
      ASSERT_NE(event.kind, EventKind::none);
      ASSERT_LE(event.kind, kLastEventKind);
      ASSERT_GE(event.time, 0);
      ASSERT_TRUE(is_plain(event.name)) << event.name;
    }
  }
  EXPECT_GT(most_seen, 4U);
}

TEST(OneProcessEventArea, AReaderSeesWholeEventsOnly) {
  Area area;
  EventWriter writer(area.bytes(), kSmall);
  const std::uint32_t even = writer.number_of("even"), odd = writer.number_of("odd");
  std::atomic<bool> is_over{false};
  std::thread thread([&] {
    for (std::uint64_t i = 0; !is_over; ++i) writer.note(EventKind::mark, i % 2 == 0 ? even : odd, i);
  });
  for (int i = 0; i < 2000; ++i) {
    for (const NotedEvent& event : read_events(area.bytes(), kSmall, 0).events) {
      EXPECT_EQ(event.id + 1, event.number);
      EXPECT_EQ(event.name, event.id % 2 == 0 ? "even" : "odd");
    }
  }
  is_over = true;
  thread.join();
}

TEST(OneProcessEventArea, SpansGoToEachPlace_AndNowhereOnceItIsGone) {
  Area of_worker, of_trace;
  EventWriter first(of_worker.bytes(), kSmall), second(of_trace.bytes(), kSmall);
  EventNumbers numbers{};
  EXPECT_EQ(begin_span("nowhere", numbers), 0U);
  note_spans_in(EventPlace::worker, first);
  note_spans_in(EventPlace::trace, second);
  const std::uint64_t id = begin_span("both", numbers);
  note_spans_no_more_in(first);
  end_span(id, numbers);
  note_mark("here");
  note_spans_no_more_in(second);
  note_mark("not heard");
  const auto worker = read_events(of_worker.bytes(), kSmall, 0).events;
  const auto trace = read_events(of_trace.bytes(), kSmall, 0).events;
  ASSERT_EQ(worker.size(), 1U);
  EXPECT_EQ(worker[0].name, "both");
  ASSERT_EQ(trace.size(), 3U);
  EXPECT_EQ(trace[1].id, id);
  EXPECT_EQ(trace[2].name, "here");
}

TEST(OneProcessEventArea, AWriterWhosePlaceAnotherHasTakenIsStillWaitedFor) {
  Area of_first, of_second;
  EventWriter first(of_first.bytes(), kSmall), second(of_second.bytes(), kSmall);
  std::atomic<bool> is_in_use{false}, may_go_on{false}, is_gone{false};
  first.when_half_full([&] {
    is_in_use = true;
    while (!may_go_on) std::this_thread::yield();
  });
  note_spans_in(EventPlace::worker, first);
  std::thread user([&] {
    for (int i = 0; i < 8; ++i) note_mark("on and on");
  });
  while (!is_in_use) std::this_thread::yield();
  note_spans_in(EventPlace::worker, second);
  std::thread owner([&] {
    note_spans_no_more_in(first);
    is_gone = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(is_gone);
  may_go_on = true;
  user.join();
  owner.join();
  note_spans_no_more_in(second);
}

TEST(OneProcessEventArea, PlacesComeAndGoWhileThreadsMakeSpans) {
  std::atomic<bool> is_over{false};
  const auto go_on = [&] {
    while (!is_over) {
      EventNumbers numbers{};
      if (const std::uint64_t id = begin_span("on and on", numbers)) end_span(id, numbers);
      std::this_thread::yield();
    }
  };
  std::thread one(go_on), other(go_on);
  for (int i = 0; i < 50; ++i) {
    Area area;
    EventWriter writer(area.bytes(), kSmall);
    note_spans_in(EventPlace::worker, writer);
    while (read_events(area.bytes(), kSmall, 0).events.empty()) std::this_thread::yield();
    note_spans_no_more_in(writer);
  }
  is_over = true;
  one.join();
  other.join();
}

}  // namespace coproc::inline v0::link
