// What a worker did last is in its ExitStatus, whatever its end was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "link/event_area.hpp"
#include "link/link.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"

using namespace std::chrono_literals;
using coproc::ExitStatus;
using coproc::MultiMessenger;
using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::WorkerEvent;
using coproc::WorkerResource;
using testing::HasSubstr;

namespace {

struct Order {
  int number;
};

/// Dies in the middle of what the host has asked for.
void dies_in_a_span(PriorityMessenger& host) {
  { coproc::this_worker::Span span("open"); }
  host.send_norequest(1);
  (void)host.receive_blocking<Order>();
  coproc::Span parse("parse");
  coproc::mark("half of it");
  ::raise(SIGKILL);
}

using What = WorkerEvent::What;
using Told = std::tuple<What, std::string, std::uint64_t>;

std::vector<Told> told(const ExitStatus& status) {
  std::vector<Told> events;
  for (const WorkerEvent& event : status.last_events) {
    const bool is_wait = event.what == What::began_wait || event.what == What::ended_wait;
    if (!is_wait) events.emplace_back(event.what, event.name, event.id);  // it may wait more than once
  }
  return events;
}

class LastEventsOf : public testing::TestWithParam<StartMethod> {};

TEST_P(LastEventsOf, AKilledWorkerAreThoseThatItNoted) {
  WorkerResource worker{dies_in_a_span, {.method = GetParam(), .name = "parser", .events = 64}};
  worker.start();
  ASSERT_EQ(worker.messenger().receive_blocking<int>(), 1);
  const auto id = static_cast<std::uint64_t>(worker.messenger().send_request(Order{5}));
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.signal(), SIGKILL);
  const std::string order = "Order";
  EXPECT_EQ(told(status), (std::vector<Told>{{What::began_span, "open", 0},
                                             {What::ended_span, "open", 0},
                                             {What::sent_message, "int32", 0},
                                             {What::received_request, order, id},
                                             {What::began_span, "parse", 0},
                                             {What::mark, "half of it", 0}}));
  for (std::size_t i = 1; i < status.last_events.size(); ++i) {
    EXPECT_GE(status.last_events[i - 1].before_end, status.last_events[i].before_end);
  }
  EXPECT_GE(status.last_events.back().before_end, 0ns);
  const std::string report = status.report();
  EXPECT_THAT(report, HasSubstr("the last 5 that it did:"));
  EXPECT_THAT(report, HasSubstr("received " + order + ' ' + std::to_string(id) + " ("));
  EXPECT_THAT(report, HasSubstr("began \"parse\" ("));
  EXPECT_EQ(worker.exit_status()->last_events, status.last_events);
}

INSTANTIATE_TEST_SUITE_P(ByMethods, LastEventsOf,
                         testing::Values(StartMethod::fork_server, StartMethod::fork, StartMethod::spawn));

void works(PriorityMessenger& host) {
  coproc::Span span("works");
  host.send_reply(host.receive_blocking<int>() + 1);
}

TEST(LastEvents, AreNotNotedUnlessTheyAreAskedFor) {
  WorkerResource worker{works};
  worker.start();
  auto& link = coproc::detail::MessengerAccess::core(worker.messenger())->underlying_link();
  EXPECT_EQ(link.events(), nullptr);
  EXPECT_TRUE(link.events_of(0, 0).events.empty());
  EXPECT_TRUE(link.events_of(1, 0).events.empty());
  (void)worker.messenger().receive_reply<int>(worker.messenger().send_request(1));
  EXPECT_TRUE(worker.join().last_events.empty());
  EXPECT_EQ(worker.exit_status()->report().find("that it did"), std::string::npos);
}

TEST(LastEvents, WithoutThemTheMemoryIsWhatItWas) {
  const coproc::LinkOptions options{.ring_bytes = 4096, .loan_bytes = 65536};
  const auto without = coproc::link::LinkMemory::create_shared(options);
  const auto with = coproc::link::LinkMemory::create_shared(options, true, coproc::link::EventShape::for_wish(100));
  EXPECT_EQ(without->event_shape().bytes(), 0U);
  EXPECT_EQ(without->header().events, 0U);
  EXPECT_EQ(with->header().events, 128U);
  for (const int from : {0, 1}) {
    const auto place = [&](coproc::link::LinkMemory& memory) {
      return memory.ring(from).data() - reinterpret_cast<std::byte*>(&memory.header());
    };
    EXPECT_EQ(place(*without), 4096 + from * 4096);
    EXPECT_EQ(place(*with), place(*without));
  }
  EXPECT_EQ(with->events(0).data(), with->ring(1).data() + 4096);
}

constexpr std::size_t kRingBytes = 4096;

void fills_its_place_with_garbage(PriorityMessenger& host) {
  // As a worker that has been taken over could: over its own events, and over those of its host.
  auto& link = coproc::detail::MessengerAccess::core(host)->underlying_link();
  coproc::mark("before");
  (void)host.receive_blocking<int>();
  const std::span<std::byte> rings = {link.crash_area().data() + 3072, 2 * kRingBytes};
  const std::span<std::byte> events = {rings.data() + rings.size(), 2 * coproc::link::EventShape{16}.bytes()};
  const std::string_view text = "\x1b[2J\r\n\x07\x7f\xff";
  for (std::size_t i = 0; i < events.size(); ++i) events[i] = std::byte(text[i % text.size()]);
  for (const std::size_t end : {std::size_t{0}, coproc::link::EventShape{16}.bytes()}) {
    auto* const ring = coproc::link::event_ring(events.subspan(end));
    for (std::uint64_t place = 0; place < 16; ++place) {
      ring[place].number = place + 1;
      ring[place].what = place | (place * 20) << 8;  // kinds and names, of which some cannot be
      ring[place].time = place % 3 == 0 ? ~std::uint64_t{0} : 1;
    }
  }
  ::raise(SIGKILL);
}

TEST(LastEvents, OfAWorkerThatWritesGarbageAreOnlyText) {
  WorkerResource worker{fills_its_place_with_garbage, {.link = {.ring_bytes = kRingBytes}, .events = 16}};
  worker.start();
  worker.messenger().send_norequest(1);
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.last_events.size(), 8U);  // of the kinds 1 to 11, those with a time that can be
  for (const char c : status.report()) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7f)) << static_cast<int>(c);
}

void notes_much(PriorityMessenger& host) {
  for (int i = 0; i < 1000; ++i) coproc::Span span("span " + std::to_string(i));
  (void)host.receive_blocking<int>();
}

TEST(LastEvents, AreTheLastOnes) {
  WorkerResource worker{notes_much, {.events = 16}};
  worker.start();
  worker.messenger().send_norequest(1);
  const ExitStatus status = worker.join();
  EXPECT_EQ(status.last_events.size(), 16U);
  EXPECT_EQ(status.last_events.back().what, What::received_message);
}

TEST(LastEvents, MoreThanThereCanBeAreRefused) {
  EXPECT_THROW((WorkerResource{works, {.events = (1u << 20) + 1}}), coproc::InvalidArgumentError);
}

}  // namespace
