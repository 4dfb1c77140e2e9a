#include "census/roll.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace coproc::census {
namespace {

/// A worker without a process.
struct Fake final : WorkerSource {
  WorkerReading read(bool) noexcept override {
    WorkerReading now;
    now.is_alive = true;
    return now;
  }
  Workers::Entry entry{*this};
};

std::unique_ptr<Fake> make(const std::string& name) {
  auto fake = std::make_unique<Fake>();
  fake->entry.enter(name);
  fake->entry.change([](WorkerTotals& totals) { ++totals.starts; });
  return fake;
}

/// Such as "a/0:2 a/1:1 (ended)": name, place, starts. Only of names that begin with `prefix`, since the roll is that
/// of the whole test program.
std::string roll_of(const std::string& prefix) {
  std::string text;
  Workers::for_each([&](const Workers::Seen& seen) {
    if (!seen.name.starts_with(prefix)) return;
    if (!text.empty()) text += ' ';
    text += seen.name + '/' + std::to_string(seen.place) + ':' + std::to_string(seen.totals.starts);
    if (seen.source == nullptr) text += " (ended)";
  });
  return text;
}

TEST(OneProcessRoll, ObjectsOfOneNameHaveDifferentPlaces) {
  const auto b = make("places b"), a = make("places a"), other_a = make("places a");
  EXPECT_EQ(roll_of("places"), "places a/0:1 places a/1:1 places b/0:1");
}

TEST(OneProcessRoll, AnObjectContinuesTheCountsOfTheOneThatHadItsPlaceBefore) {
  auto first = make("again"), second = make("again"), third = make("again");
  first.reset();
  third.reset();
  EXPECT_EQ(roll_of("again"), "again/0:1 (ended) again/1:1 again/2:1 (ended)");
  first = make("again");
  EXPECT_EQ(roll_of("again"), "again/0:2 again/1:1 again/2:1 (ended)");
  third = make("again");
  const auto fourth = make("again");
  EXPECT_EQ(roll_of("again"), "again/0:2 again/1:1 again/2:2 again/3:1");
}

TEST(OneProcessRoll, EnteringTwiceDoesNothing) {
  const auto fake = make("twice");
  fake->entry.enter("twice, by another name");
  EXPECT_EQ(roll_of("twice"), "twice/0:1");
}

TEST(OneProcessRoll, TheLastChangeIsMadeAsTheObjectLeaves) {
  const auto fake = make("last");
  fake->entry.leave([](WorkerTotals& totals) { totals.starts = 7; });
  EXPECT_EQ(roll_of("last"), "last/0:7 (ended)");
  fake->entry.change([](WorkerTotals& totals) { totals.starts = 8; });  // it is in no roll any more
  EXPECT_EQ(roll_of("last"), "last/0:7 (ended)");
}

TEST(OneProcessRoll, NamesThatCannotBeShownAreMadeShowable) {
  const auto broken = make("odd \xff"), other = make("odd \xff"), line = make("odd \n");
  EXPECT_EQ(roll_of("odd"), "odd \\n/0:1 odd \\xff/0:1 odd \\xff/1:1");
}

TEST(OneProcessRoll, OnlyTheCountsOfThePlacesThatWereLeftLastAreKept) {
  const auto living = make("bounded, alive");
  { const auto first = make("bounded, first"); }
  for (std::size_t i = 0; i < Workers::kMostEnded - 1; ++i) make("of many " + std::to_string(i));
  EXPECT_EQ(roll_of("bounded"), "bounded, alive/0:1 bounded, first/0:1 (ended)");
  make("one more");
  EXPECT_EQ(roll_of("bounded"), "bounded, alive/0:1");
  { const auto first = make("bounded, first"); }
  EXPECT_EQ(roll_of("bounded"), "bounded, alive/0:1 bounded, first/0:1 (ended)");
}

TEST(OneProcessRoll, AForgottenPlaceAmongOthersIsTakenAgain) {
  auto zero = make("hole");
  const auto one = make("hole");
  zero.reset();
  for (std::size_t i = 0; i < Workers::kMostEnded; ++i) make("of many " + std::to_string(i));
  EXPECT_EQ(roll_of("hole"), "hole/1:1");
  zero = make("hole");
  EXPECT_EQ(roll_of("hole"), "hole/0:1 hole/1:1");
}

TEST(OneProcessRoll, ThreadsComeAndGoWhileOthersLook) {
  constexpr int kThreads = 4, kRounds = 500;
  std::atomic<bool> is_over{false};
  std::thread looker([&] {
    std::uint64_t last = 0;
    while (!is_over) {
      std::uint64_t starts = 0;
      Workers::for_each([&](const Workers::Seen& seen) {
        if (seen.name != "busy") return;
        starts += seen.totals.starts;
        EXPECT_TRUE(seen.source == nullptr || seen.source->read(false).is_alive);
      });
      EXPECT_GE(starts, last);
      last = starts;
    }
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < kRounds; ++round) make("busy");
    });
  }
  for (std::thread& thread : threads) thread.join();
  is_over = true;
  looker.join();
  std::uint64_t starts = 0;
  Workers::for_each([&](const Workers::Seen& seen) {
    if (seen.name == "busy") starts += seen.totals.starts;
  });
  EXPECT_EQ(starts, std::uint64_t{kThreads * kRounds});
}

/// Runs `check` in a forked child and returns whether it returned true.
template <class Check>
bool in_child(const Check& check) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(check() ? 0 : 1);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status == 0;
}

TEST(Roll, AForkedChildBeginsWithAnEmptyOne) {
  auto host_s = make("host's");
  EXPECT_TRUE(in_child([&] {
    if (!roll_of("").empty()) return false;
    host_s->entry.change([](WorkerTotals& totals) { ++totals.starts; });
    host_s.reset();  // leaves nothing here
    const auto own = make("own");
    if (roll_of("") != "own/0:1") return false;
    return in_child([] { return roll_of("").empty() && (make("own"), roll_of("")) == "own/0:1"; });
  }));
  EXPECT_EQ(roll_of("host's"), "host's/0:1");
}

TEST(Roll, AnObjectThatTheHostHasEnteredCanEnterInAForkedChild) {
  const auto fake = make("both");
  EXPECT_TRUE(in_child([&] {
    fake->entry.enter("both");
    fake->entry.change([](WorkerTotals& totals) { totals.starts = 5; });
    return roll_of("") == "both/0:5";
  }));
  EXPECT_EQ(roll_of("both"), "both/0:1");
}

TEST(Roll, AForkWhileAnotherThreadHoldsTheLockLeavesTheChildFree) {
  const auto fake = make("held");
  std::atomic<bool> is_held{false}, may_go{false};
  std::thread holder([&] {
    Workers::for_each([&](const Workers::Seen& seen) {
      if (seen.name != "held") return;
      is_held = true;
      while (!may_go) std::this_thread::yield();
    });
  });
  while (!is_held) std::this_thread::yield();
  EXPECT_TRUE(in_child([&] { return roll_of("").empty() && (make("own"), roll_of("")) == "own/0:1"; }));
  may_go = true;
  holder.join();
}

}  // namespace
}  // namespace coproc::census
