// What a pool does with a worker that breaks the rules: that worker ends, the task that it ran fails, and all others
// come.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "messenger/channel_access.hpp"
#include "os/sanitizer.hpp"
#include "scenario/pool/liar_for_test.hpp"
#include "scenario/pool/pool_for_test.hpp"

using namespace std::chrono_literals;
using coproc::Pool;
using coproc::ProtocolError;
using namespace pool_test;

namespace {

using FrameKind = coproc::link::FrameKind;

enum ToHost : std::uint8_t { kReady, kResult };
enum Outcome : std::uint8_t { kValue, kError, kSkipped };

/// The fourth task of a worker.
constexpr std::uint64_t kSerial = 4;

Liar::Bytes answer(std::uint64_t serial, std::uint64_t work_ns, std::uint8_t outcome) {
  return Liar::encoded(std::uint8_t{kResult}, serial, work_ns, outcome, 7);
}

struct Lie {
  const char* name;
  void (*tell)(Liar& liar);
};

const Lie kLies[] = {
    {"skips_what_it_was_to_run", [](Liar& liar) { liar.send_message(answer(kSerial, 1000, kSkipped)); }},
    {"answers_another_task", [](Liar& liar) { liar.send_message(answer(kSerial + 1, 1000, kValue)); }},
    {"answers_with_no_outcome", [](Liar& liar) { liar.send_message(answer(kSerial, 1000, 9)); }},
    {"worked_for_years", [](Liar& liar) { liar.send_message(answer(kSerial, std::uint64_t{1} << 60, kValue)); }},
    {"worked_for_ever",
     [](Liar& liar) { liar.send_message(answer(kSerial, std::numeric_limits<std::uint64_t>::max(), kValue)); }},
    {"says_nothing", [](Liar& liar) { liar.send_message({}); }},
    {"is_ready_again", [](Liar& liar) { liar.send_message(Liar::encoded(std::uint8_t{kReady})); }},
    {"uses_a_channel",
     [](Liar& liar) {
       coproc::detail::Buffer buffer;
       coproc::Encoder encoder(buffer, 1 << 16);
       coproc::detail::ChannelAccess::encode(encoder, 5);
       const auto written = encoder.written();
       liar.send_kind(FrameKind::channel, {written.begin(), written.end()});
       liar.send_message(Liar::encoded(1), 1);
     }},
    {"sends_a_request", [](Liar& liar) { liar.send_message(answer(kSerial, 1000, kValue), 0, FrameKind::request, 1); }},
    {"sends_a_reply", [](Liar& liar) { liar.send_message(answer(kSerial, 1000, kValue), 0, FrameKind::reply, 0); }},
    {"sends_an_error",
     [](Liar& liar) {
       liar.send_kind(FrameKind::error,
                      Liar::encoded(std::uint64_t{0}, std::string("Some"), std::string("of nobody's task")));
     }},
    {"tells_its_end_and_stays",
     [](Liar& liar) {
       liar.send_kind(FrameKind::final_error, Liar::encoded(std::uint64_t{0}, std::string("Some"), std::string("end")));
     }},
    {"asks_to_close",
     [](Liar& liar) {
       liar.header().side[1].close_requests.fetch_add(1);
       liar.wake_host();
     }},
    {"writes_beyond_its_ring",
     [](Liar& liar) {
       liar.header().ring[1].tail.fetch_add(std::uint64_t{1} << 40);
       liar.wake_host();
     }},
    {"hangs_up", [](Liar& liar) { liar.hang_up(); }},
    {"becomes_another_program", [](Liar&) { ::execl("/bin/sleep", "sleep", "1000", static_cast<char*>(nullptr)); }},
};

class PoolLies : public testing::TestWithParam<std::size_t> {};

int lie_at_3(std::size_t which, int x) {
  if (x != 3) return x * x;
  Liar liar;
  kLies[which].tell(liar);
  support::sleep_for_ever();
}

struct LieAt3 {
  std::size_t which;
  int operator()(int x) const { return lie_at_3(which, x); }
};

TEST_P(PoolLies, CostsTheTaskThatItRanAndNoOther) {
  coproc::PoolOptions options{.workers = 1, .window = 1};
  options.worker.stop.close = 100ms;
  Pool pool{options};
  std::size_t good = 0;
  for (auto& result : pool.map(LieAt3{GetParam()}, numbers(8)).as_results()) {
    if (result.has_value()) {
      EXPECT_EQ(result.value(), static_cast<int>(result.index() * result.index()));
      ++good;
      continue;
    }
    EXPECT_EQ(result.index(), 3U);
    EXPECT_THROW(result.value(), ProtocolError);
  }
  EXPECT_EQ(good, 7U);
  expect_usable(pool);
}

INSTANTIATE_TEST_SUITE_P(Lie, PoolLies, testing::Range(std::size_t{0}, std::size(kLies)),
                         [](const auto& lie) { return std::string(kLies[lie.param].name); });

TEST(PoolLiesTogether, OneThatFloodsLetsTheOthersGoOn) {
  const auto flood_at_0 = [](int x) {
    if (x != 0) return x;
    Liar liar;
    for (;;) {
      liar.header().side[1].close_requests.fetch_add(1);
      liar.wake_host();
    }
  };
  Pool pool{{.workers = 2, .window = 1}};
  std::size_t good = 0;
  for (auto& result : pool.map(flood_at_0, numbers(50)).as_results()) {
    if (result.has_value()) ++good;
  }
  EXPECT_EQ(good, 49U);
  expect_usable(pool);
}

// ---- what the host cannot take in ----

std::string text_of(int megabytes) { return std::string(static_cast<std::size_t>(megabytes) << 20, 'x'); }

TEST(PoolFailures, AResultThatFindsNoMemoryIsThatTasksErrorAndThePoolGoesOn) {
  if (coproc::os::kHasSanitizer) GTEST_SKIP() << "a sanitizer ends a process that has no memory left";
  const std::string told = support::in_host([] {
    coproc::PoolOptions options{.workers = 1};
    options.worker.link.automatic_loans = false;
    Pool pool{options};
    if (pool.submit(text_of, 1).get().size() != std::size_t{1} << 20) return std::string("wrong");
    const rlimit limit{300U << 20, 300U << 20};
    ::setrlimit(RLIMIT_DATA, &limit);
    std::string order;
    for (auto& result : pool.map(text_of, std::vector<int>{1, 2, 400, 1, 2}).as_results()) {
      if (result.has_value()) {
        order += std::to_string(result.value().size() >> 20);
        continue;
      }
      try {
        result.value();
      } catch (const coproc::SystemLimitError&) {
        order += "!";
      }
    }
    return order;
  });
  EXPECT_EQ(told, "12!12");
}

}  // namespace
