#include "trace/chrome_json.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coproc::inline v0::trace {

namespace {

using link::EventKind;
using testing::HasSubstr;
using testing::Not;

CollectedEvent event(std::int64_t time, EventKind kind, bool is_of_host, std::uint64_t id = 0, std::uint32_t name = 0) {
  return {time, id, 1, is_of_host ? 0U : 1U, is_of_host ? 10U : 11U, name, kind, is_of_host};
}

Collected two_processes() {
  Collected collected;
  collected.processes = {{10, "host"}, {11, "a \"worker\" \\"}};
  collected.names = {"", "Order"};
  collected.end = 100'000;
  return collected;
}

struct Drawn {
  std::string json;
  std::uint64_t arrows = 0;
  std::size_t longest_piece = 0;
};

Drawn draw(Collected& collected) {
  Drawn drawn;
  drawn.arrows = draw(collected, [&](std::string_view piece) {
    drawn.json += piece;
    drawn.longest_piece = std::max(drawn.longest_piece, piece.size());
  });
  return drawn;
}

}  // namespace

TEST(ChromeJson, DrawsARequestAsOneArrow) {
  Collected collected = two_processes();
  collected.events = {
      event(1500, EventKind::sent_request, true, 17, 1), event(9000, EventKind::received_reply, true, 17),
      event(3000, EventKind::received_request, false, 17, 1), event(7000, EventKind::sent_reply, false, 17)};
  const Drawn drawn = draw(collected);
  EXPECT_EQ(drawn.arrows, 1U);
  EXPECT_THAT(drawn.json,
              HasSubstr(R"({"ph":"X","name":"send request Order","cat":"coproc","pid":10,"tid":10,"ts":1.500,)"
                        R"("dur":1.000,"args":{"request":17}})"));
  EXPECT_THAT(drawn.json,
              HasSubstr(R"({"ph":"s","name":"request","cat":"coproc","pid":10,"tid":10,"ts":1.500,"id":1})"));
  EXPECT_THAT(drawn.json,
              HasSubstr(R"({"ph":"t","name":"request","cat":"coproc","pid":11,"tid":11,"ts":3.000,"id":1})"));
  EXPECT_THAT(drawn.json,
              HasSubstr(R"({"ph":"f","name":"request","cat":"coproc","pid":10,"tid":10,"ts":9.000,"id":1,"bp":"e"})"));
  EXPECT_THAT(drawn.json, HasSubstr(R"("name":"a \"worker\" \\")"));
}

TEST(ChromeJson, IsMadeInPieces) {
  Collected collected = two_processes();
  for (int i = 0; i != 10'000; ++i) collected.events.push_back(event(i, EventKind::mark, true, 0, 1));
  const Drawn drawn = draw(collected);
  EXPECT_GT(drawn.json.size(), 500'000U);
  EXPECT_LT(drawn.longest_piece, 70'000U);
  EXPECT_THAT(drawn.json, testing::EndsWith("}\n]}\n"));
}

TEST(ChromeJson, RequestsOfBothSidesMayHaveTheSameNumber) {
  Collected collected = two_processes();
  collected.events = {event(1, EventKind::sent_request, true, 1), event(2, EventKind::sent_request, false, 1),
                      event(3, EventKind::received_request, true, 1), event(4, EventKind::received_request, false, 1)};
  EXPECT_EQ(draw(collected).arrows, 2U);
}

TEST(ChromeJson, ArrowsGoForwardWhateverTimesTheWorkerGives) {
  Collected collected = two_processes();
  collected.events = {event(5000, EventKind::sent_request, true, 1), event(6000, EventKind::received_reply, true, 1),
                      event(1000, EventKind::received_request, false, 1),
                      event(99'000, EventKind::sent_reply, false, 1)};
  const Drawn drawn = draw(collected);
  EXPECT_EQ(drawn.arrows, 1U);
  EXPECT_THAT(drawn.json, HasSubstr(R"({"ph":"s","name":"request","cat":"coproc","pid":10,"tid":10,"ts":5.000,)"));
  EXPECT_THAT(drawn.json, HasSubstr(R"({"ph":"f","name":"request","cat":"coproc","pid":10,"tid":10,"ts":6.000,)"));
  EXPECT_THAT(drawn.json, Not(HasSubstr(R"("ph":"t")")));
}

TEST(ChromeJson, ASpanThatNothingEndedLastsUntilTheWorkersEnd) {
  Collected collected = two_processes();
  collected.processes[1].end = 50'000;
  collected.events = {event(10'000, EventKind::began_span, false, 3, 1),
                      event(12'000, EventKind::ended_span, false, 4, 1)};
  EXPECT_THAT(draw(collected).json, HasSubstr(R"("ts":10.000,"dur":40.000,"args":{"unfinished":true}})"));
}

TEST(ChromeJson, ASpanMayEndInAnotherThread) {
  Collected collected = two_processes();
  collected.events = {event(10'000, EventKind::began_span, false, 3, 1),
                      event(12'000, EventKind::ended_span, false, 3, 1)};
  collected.events[1].thread = 12;
  const std::string json = draw(collected).json;
  EXPECT_THAT(json, HasSubstr(R"({"ph":"X","name":"Order","cat":"coproc","pid":11,"tid":11,"ts":10.000,"dur":2.000})"));
  EXPECT_THAT(json, Not(HasSubstr("unfinished")));
}

TEST(ChromeJson, AWorkerEndsNoSpansOfItsHost) {
  Collected collected = two_processes();
  collected.events = {event(10'000, EventKind::began_span, true, 3, 1),
                      event(12'000, EventKind::ended_span, true, 3, 1),
                      event(13'000, EventKind::ended_span, true, 3, 1)};
  collected.events[0].link = collected.events[2].link = 0;
  EXPECT_THAT(draw(collected).json, HasSubstr(R"("ts":10.000,"dur":3.000})"));
}

TEST(ChromeJson, AThreadThatWaitsForSeveralLinksWaitsOnce) {
  Collected collected = two_processes();
  collected.events = {event(10'000, EventKind::began_wait, true), event(11'000, EventKind::began_wait, true),
                      event(20'000, EventKind::ended_wait, true), event(21'000, EventKind::ended_wait, true)};
  collected.events[1].link = collected.events[3].link = 2;
  const std::string json = draw(collected).json;
  EXPECT_THAT(json, HasSubstr(R"("name":"wait","cat":"coproc","pid":10,"tid":10,"ts":10.000,"dur":10.000})"));
  EXPECT_THAT(json, Not(HasSubstr(R"("ts":11.000)")));
}

TEST(ChromeJson, WhatIsMissingDoesNotOverflow) {
  Collected collected = two_processes();
  for (CollectedProcess& process : collected.processes) process.overwritten = ~std::uint64_t{0};
  EXPECT_THAT(draw(collected).json, HasSubstr(R"("overwritten_events":18446744073709551615,)"));
}

TEST(ChromeJson, SaysWhatIsMissing) {
  Collected collected = two_processes();
  collected.processes[1].overwritten = 12;
  collected.left_out = 5;
  const std::string json = draw(collected).json;
  EXPECT_THAT(json, HasSubstr(R"("overwritten_events":12,"left_out_events":5)"));
  EXPECT_THAT(json, HasSubstr(R"("labels":"12 events overwritten")"));
}

}  // namespace coproc::inline v0::trace
