// What a thousand restarts leave in their host: nothing. Zombies are looked for after each test.
#include <gtest/gtest.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "os/sanitizer.hpp"
#include "scenario/supervised_worker.hpp"

using coproc::Pending;
using coproc::Supervised;
using coproc::WorkerDiedError;

namespace {

constexpr int kRestarts = coproc::os::kHasSanitizer ? 200 : 1000, kWarm = 20;

struct Held {
  std::ptrdiff_t descriptors = 0, mappings = 0;
  long kib = 0;  // of memory of its own, without files and what it shares with workers
};

Held held() {
  using Entries = std::filesystem::directory_iterator;
  Held held{.descriptors = std::distance(Entries("/proc/self/fd"), Entries())};
  std::ifstream maps("/proc/self/maps"), status("/proc/self/status");
  for (std::string line; std::getline(maps, line);) ++held.mappings;
  for (std::string word; status >> word;) {
    if (word == "RssAnon:") status >> held.kib;
  }
  return held;
}

/// `end_worker(i)` ends the worker, and returns when there is the next one.
template <class S, class End>
void expect_nothing_left(S& worker, End end_worker) {
  std::optional<Held> before;
  for (int i = 0; i < kRestarts; ++i) {
    end_worker(i);
    if (i == kWarm) before = held();
  }
  const Held after = held();
  EXPECT_EQ(after.descriptors, before->descriptors);
  EXPECT_LE(after.mappings, before->mappings + 8);  // the allocator's own may come and go
  EXPECT_GT(before->kib, 0);
  // The ends within RestartOptions::within are kept for RestartLimitError, half a KiB each. Sanitizers keep what was
  // freed, too.
  EXPECT_LT(after.kib, before->kib + (coproc::os::kHasSanitizer ? 1 << 20 : 1024));
  EXPECT_EQ(worker.history().size(), 32U);
  EXPECT_EQ(worker.history().back().number, static_cast<std::uint64_t>(kRestarts));
}

}  // namespace

TEST(SupervisedLeftovers, AThousandRestartsLeaveNothingBehind) {
  Supervised worker{&tenfold, {}, at_once()};
  worker.start();
  expect_nothing_left(worker, [&](int i) {
    const auto ids = worker.messenger().send_request_multiple({100 + i, kExits, 1});
    EXPECT_EQ(worker.messenger().receive_reply<int>(ids[0]), 1000 + i * 10);
    EXPECT_THROW((void)worker.messenger().receive_reply<int>(ids[1]), WorkerDiedError);
  });
}

TEST(SupervisedLeftovers, AThousandRestartsThatSendAgainLeaveNothingBehind) {
  coproc::RestartOptions options = at_once();
  options.pending = Pending::resend;
  Supervised worker{&tenfold, {}, options};
  worker.start();
  expect_nothing_left(worker, [&](int i) {
    const coproc::RequestId id = worker.messenger().send_request(100 + i);
    worker.kill();  // before it has read the request, or later
    EXPECT_EQ(worker.messenger().receive_reply<int>(id), 1000 + i * 10);
    const auto restarts = [&] { return worker.history().empty() ? 0U : worker.history().back().number; };
    while (restarts() <= static_cast<std::uint64_t>(i)) EXPECT_EQ(answer(worker, 1), 10);
  });
}
