// What every transport promises, run against each of them.
#include "link/link.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "coproc/errors.hpp"
#include "link/link.hpp"

namespace coproc::link {
namespace {

using Ends = std::pair<std::unique_ptr<Link>, std::unique_ptr<Link>>;

struct Shm {
  static Ends make(const LinkOptions& options) { return make_shm_pair(options); }
};
struct Inproc {
  static Ends make(const LinkOptions& options) { return make_inproc_pair(options); }
};

template <class Kind>
struct OneProcessLink : ::testing::Test {
  Ends ends = Kind::make({.ring_bytes = 4096});
  Link& a = *ends.first;
  Link& b = *ends.second;

  static bool put(Link& to, const std::string& text) {
    auto room = to.reserve(4 + text.size());
    if (room.empty()) return false;
    std::memcpy(room.data() + 4, text.data(), text.size());
    to.commit(4 + text.size());
    return to.publish();
  }
  static std::optional<std::string> take(Link& from) {
    if (!from.look()) return std::nullopt;
    const auto record = from.front();
    std::string text(reinterpret_cast<const char*>(record.data()) + 4, record.size() - 4);
    from.pop();
    from.release();
    return text;
  }
  static bool is_readable(int fd) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, 0) == 1;
  }
  static os::Deadline soon() { return os::Deadline(std::chrono::milliseconds(20)); }
  static os::Deadline forever() { return os::Deadline::forever(); }
};

using Kinds = ::testing::Types<Shm, Inproc>;
TYPED_TEST_SUITE(OneProcessLink, Kinds);

TYPED_TEST(OneProcessLink, CarriesRecordsBothWays) {
  EXPECT_TRUE(this->put(this->a, "there"));
  EXPECT_TRUE(this->put(this->b, "back"));
  EXPECT_EQ(this->take(this->b), "there");
  EXPECT_EQ(this->take(this->a), "back");
  EXPECT_EQ(this->take(this->a), std::nullopt);
}

TYPED_TEST(OneProcessLink, WaitEndsWithTheDeadline) {
  EXPECT_EQ(this->a.wait(this->soon(), true, 0), WaitEnd::timed_out);
}

TYPED_TEST(OneProcessLink, WaitWakesForARecord) {
  std::thread sender([&] { this->put(this->b, "x"); });
  while (!this->take(this->a)) this->a.wait(this->forever(), true, 0);
  sender.join();
}

TYPED_TEST(OneProcessLink, PingPongNeverLosesAWakeUp) {
  constexpr int kRounds = 20000;
  std::thread echo([&] {
    for (int i = 0; i < kRounds; ++i) {
      std::optional<std::string> text;
      while (!(text = this->take(this->b))) this->b.wait(this->forever(), true, 0);
      this->put(this->b, *text);
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    this->put(this->a, std::to_string(i));
    std::optional<std::string> text;
    while (!(text = this->take(this->a))) this->a.wait(this->forever(), true, 0);
    ASSERT_EQ(*text, std::to_string(i));
  }
  echo.join();
}

TYPED_TEST(OneProcessLink, WaitWakesForSpace) {
  while (this->put(this->a, std::string(100, 'x'))) {}
  std::thread receiver([&] { this->take(this->b); });
  while (!this->put(this->a, std::string(100, 'y'))) this->a.wait(this->forever(), false, 104);
  receiver.join();
}

TYPED_TEST(OneProcessLink, InterruptEndsTheWaitThatIsUnderWayOrTheNext) {
  this->a.interrupt();
  EXPECT_EQ(this->a.wait(this->forever(), true, 0), WaitEnd::interrupted);
  EXPECT_EQ(this->a.wait(this->soon(), true, 0), WaitEnd::timed_out);
  std::thread other([&] { this->a.interrupt(); });
  EXPECT_EQ(this->a.wait(this->forever(), true, 0), WaitEnd::interrupted);
  other.join();
}

TYPED_TEST(OneProcessLink, AnInterruptWhoseWaitEndsBeforeItReturnsLeavesNothingBehind) {
  constexpr int kRounds = 2000;
  std::atomic<int> asked{0};
  std::atomic<int> returned{0};
  std::thread other([&] {
    for (int round = 1; round <= kRounds; ++round) {
      while (asked.load() != round) std::this_thread::yield();
      this->a.interrupt();
      returned.store(round);
    }
  });
  const int fd = this->a.native_handle();
  int left_behind = 0;
  for (int round = 1; round <= kRounds; ++round) {
    asked.store(round);
    while (this->a.wait(this->forever(), true, 0) != WaitEnd::interrupted) {}
    while (returned.load() != round) std::this_thread::yield();
    this->a.wait(os::Deadline(std::chrono::seconds(0)), true, 0);  // may still find the event set, and clears it
    this->a.settle(false, 0);
    if (this->is_readable(fd)) ++left_behind;
  }
  other.join();
  EXPECT_EQ(left_behind, 0);
}

TYPED_TEST(OneProcessLink, ACloseRequestNeedsNoSpaceAndWakes) {
  while (this->put(this->a, std::string(100, 'x'))) {}
  std::thread closer([&] { this->a.request_close(); });
  while (this->b.close_requests() == 0) this->b.wait(this->forever(), false, 0);
  closer.join();
  EXPECT_EQ(this->b.close_requests(), 1u);
  EXPECT_EQ(this->a.close_requests(), 0u);
}

TYPED_TEST(OneProcessLink, ThePeersEndIsSeenAndWhatItSentIsStillThere) {
  this->put(this->b, "last");
  this->ends.second.reset();
  EXPECT_EQ(this->take(this->a), "last");
  EXPECT_EQ(this->a.wait(this->forever(), true, 0), WaitEnd::peer_gone);
}

TYPED_TEST(OneProcessLink, TheNativeHandleIsReadableExactlyWhileThereIsWork) {
  const int fd = this->a.native_handle();
  this->a.settle(false, 0);
  EXPECT_FALSE(this->is_readable(fd));
  this->put(this->b, "x");
  EXPECT_TRUE(this->is_readable(fd));
  this->a.settle(false, 0);  // nobody took it: looks again
  EXPECT_TRUE(this->is_readable(fd));
  EXPECT_EQ(this->take(this->a), "x");
  this->a.settle(false, 0);
  EXPECT_FALSE(this->is_readable(fd));
  this->a.settle(true, 0);
  EXPECT_TRUE(this->is_readable(fd));
  this->a.settle(false, 0);
  EXPECT_FALSE(this->is_readable(fd));
  this->ends.second.reset();
  EXPECT_TRUE(this->is_readable(fd));
}

TYPED_TEST(OneProcessLink, ACloseRequestThatFoundTheWordClearedIsSeenWhenItIsSetAgain) {
  const int fd = this->a.native_handle();
  this->a.settle(false, 0);
  this->put(this->b, "x");  // clears the waiting word
  EXPECT_EQ(this->take(this->a), "x");
  const std::uint32_t closes_known = this->a.close_requests();
  this->b.request_close();  // no wake-up call
  this->a.settle(false, closes_known);
  EXPECT_TRUE(this->is_readable(fd));
  this->a.settle(false, 1);
  EXPECT_FALSE(this->is_readable(fd));
}

TYPED_TEST(OneProcessLink, ThePeersEndIsToldByEveryWaitThatFollows) {
  // An interrupt may hide what the first one says.
  this->ends.second.reset();
  EXPECT_EQ(this->a.wait(this->forever(), true, 0), WaitEnd::peer_gone);
  EXPECT_EQ(this->a.wait(this->forever(), true, 0), WaitEnd::peer_gone);
}

TYPED_TEST(OneProcessLink, ThePeersEndIsToldAlsoAfterTheNativeHandleWasSettled) {
  const int fd = this->a.native_handle();
  this->ends.second.reset();
  this->a.settle(false, 0);
  EXPECT_TRUE(this->is_readable(fd));
  EXPECT_EQ(this->a.wait(this->forever(), true, 0), WaitEnd::peer_gone);
}

TYPED_TEST(OneProcessLink, TellsEachOtherThatTheyAreStuck) {
  EXPECT_FALSE(this->a.peer_is_stuck());
  this->b.set_stuck(true);
  EXPECT_TRUE(this->a.peer_is_stuck());
  this->b.set_stuck(false);
  EXPECT_FALSE(this->a.peer_is_stuck());
}

TYPED_TEST(OneProcessLink, RefusesOptionsThatCannotWork) {
  for (const std::size_t ring :
       {std::size_t{0}, std::size_t{100}, std::size_t{2048}, std::size_t{5000}, std::size_t{2} << 30}) {
    EXPECT_THROW(TypeParam::make({.ring_bytes = ring}), InvalidArgumentError) << ring;
  }
  EXPECT_THROW(TypeParam::make({.max_message_bytes = 0}), InvalidArgumentError);
}

TEST(OneProcessLink, EmptiesSomethingElseInItsWaitsAndKeepsItsDeadlines) {
  auto [a, b] = make_inproc_pair({.ring_bytes = 4096});
  const os::Pipe aside = os::Pipe::create();
  int looks = 0;
  bool can_more_come = true;
  // One that is never empty, however much is taken out.
  const auto empty = [&] {
    ++looks;
    return can_more_come;
  };
  a->watch_also(aside.read_end.get(), empty);
  pollfd handle{a->native_handle(), POLLIN, 0};
  a->settle(false, 0);
  EXPECT_EQ(::poll(&handle, 1, 0), 0);
  os::write_wake(aside.write_end);
  EXPECT_EQ(::poll(&handle, 1, 0), 1);
  EXPECT_EQ(a->wait(os::Deadline::forever(), true, 0), WaitEnd::changed);
  EXPECT_EQ(looks, 1);
  EXPECT_EQ(a->wait(os::Deadline(std::chrono::seconds(0)), true, 0), WaitEnd::timed_out);
  EXPECT_EQ(looks, 2);
  can_more_come = false;
  a->serve_watched();
  EXPECT_EQ(looks, 3);
  EXPECT_EQ(::poll(&handle, 1, 0), 0);  // at its end it wakes nobody any more
  a->serve_watched();
  EXPECT_EQ(looks, 3);
}

}  // namespace
}  // namespace coproc::link
