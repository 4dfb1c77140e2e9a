// Workers under load, killed at random times while their host waits in one way or another, and started again.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <coproc/coproc.hpp>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "chaos/assassin.hpp"
#include "chaos/listener.hpp"
#include "chaos/options.hpp"
#include "chaos/parcel.hpp"
#include "support/hygiene.hpp"

using namespace std::chrono_literals;
using chaos::Assassin;
using chaos::Heard;
using chaos::kLanes;
using chaos::Ledger;
using chaos::make_parcel;
using chaos::NoCoreFiles;
using chaos::Parcel;

namespace {

constexpr int kDeaths[] = {SIGKILL, SIGTERM, SIGABRT, SIGSTOP};  // after SIGSTOP comes SIGKILL

enum class Habit { streams, answers, is_deaf, sleeps, kCount };

/// A worker's run: for ever, until it is killed.
template <class M>
void work(M& host, Ledger& ledger, Habit habit, std::uint32_t generation, std::uint64_t random) {
  ::prctl(PR_SET_DUMPABLE, 0);  // no core file
  std::mt19937_64 dice(random);
  chaos::Inspector of_host(generation);
  const auto check = [&](const Parcel& parcel) {
    if (const auto wrong = of_host.accept(parcel); !wrong.empty()) ledger.complain(wrong);
  };
  const auto some_bytes = [&] { return dice() % 20 == 0 ? dice() % 20'000 : dice() % 200; };  // some in fragments
  const auto send = [&] {
    const auto lane = static_cast<std::uint32_t>(dice() % kLanes);
    chaos::noted(ledger, lane, [&](std::uint64_t sequence) {
      host.send_norequest(make_parcel(lane, generation, sequence, some_bytes()), chaos::channel_of(lane));
    });
  };
  if (habit == Habit::is_deaf) {
    for (auto left = dice() % 50; left != 0; --left) send();
    for (;;) ::pause();
  }
  while (habit == Habit::sleeps) {
    check(host.template receive_blocking<Parcel>());
    send();
  }
  while (habit == Habit::answers) {
    check(host.template receive_blocking<Parcel>());
    chaos::noted(ledger, 0,
                 [&](std::uint64_t sequence) { host.send_reply(make_parcel(0, generation, sequence, some_bytes())); });
  }
  for (;;) {
    send();
    if (dice() % 8 == 0) {
      if (const auto parcel = host.template receive_for<Parcel>(0s)) check(*parcel);
    }
  }
}

/// A worker and what its host knows of its present run.
template <class M>
class Member {
 public:
  Member()
      : worker_(std::function<void(M&)>([this](M& host) { work(host, *ledger_, habit_, generation_, random_); }),
                {.method = coproc::StartMethod::fork, .link = {.ring_bytes = 16 * 1024, .max_queued_bytes = 1 << 20}}) {
  }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() {
    if (pidfd_ >= 0) ::close(pidfd_);
  }

  void start(std::uint64_t random) {
    random_ = random;
    habit_ = static_cast<Habit>(random % static_cast<std::uint64_t>(Habit::kCount));
    new (&*ledger_) Ledger{};
    heard_.emplace(++generation_);
    sent_ = 0;
    worker_.start();
    if (pidfd_ >= 0) ::close(pidfd_);
    pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, worker_.pid(), 0));
  }

  M& messenger() { return worker_.messenger(); }
  Heard& heard() { return *heard_; }
  Habit habit() const { return habit_; }
  int pidfd() const { return pidfd_; }
  void kill() { worker_.kill(); }

  /// A parcel for the worker, with a deadline or for ever.
  void send(coproc::Timeout timeout) {
    const Parcel parcel = make_parcel(0, generation_, sent_, sent_ % 7 * 300);
    try {
      if (habit_ == Habit::answers) {
        worker_.messenger().send_request(parcel, {}, {.timeout = timeout});
      } else {
        worker_.messenger().send_norequest(parcel, {}, {.timeout = timeout});
      }
      ++sent_;
    } catch (const coproc::TimeoutError&) {
    } catch (const coproc::QueueFullError&) {  // both inboxes are full: then this one has something
      for (const std::uint32_t lane : {0U, 1U}) {
        for (const Parcel& each : messenger().template receive_available<Parcel>(chaos::channel_of(lane)))
          heard_->take(each);
      }
    }
  }

  void expect_nothing_lost() const {
    heard_->inspector.expect_nothing_lost(*ledger_);
    EXPECT_STREQ(ledger_->complaint, "");
  }

 private:
  chaos::Shared<Ledger> ledger_;
  std::optional<Heard> heard_;
  Habit habit_ = Habit::streams;
  std::uint32_t generation_ = 0;
  std::uint64_t random_ = 0;
  std::uint64_t sent_ = 0;  // by the host
  int pidfd_ = -1;
  coproc::WorkerResource<std::function<void(M&)>> worker_;
};

template <class M>
class Crowd {
 public:
  static constexpr std::size_t kMembers = 3;

  /// The members that a `wait_any` found ready, one after the other, until the victim's death is told.
  void wait_for_any(std::size_t victim) {
    std::array<coproc::Messenger*, kMembers> all{};
    for (std::size_t i = 0; i < kMembers; ++i) all[i] = &members_[i].messenger();
    for (;;) {
      Member<M>& ready = members_[coproc::wait_any(all).value()];
      const bool lives = ready.heard().survive([&] { hear_some(ready.messenger(), ready.heard(), 1); });
      if (!lives) {
        EXPECT_EQ(&ready, &members_[victim]);
        return;
      }
    }
  }

  void kill_one(std::mt19937_64& dice, Assassin& assassin) {
    for (Member<M>& member : members_) {
      if (member.pidfd() < 0 || member.heard().status) member.start(dice());
    }
    const std::size_t which = dice() % kMembers;
    Member<M>& victim = members_[which];
    const int death = kDeaths[dice() % std::size(kDeaths)];
    const std::uint64_t way = dice() % (chaos::kWaysToWait + 3);
    SCOPED_TRACE("the host waits in way " + std::to_string(way) + " for a worker of habit " +
                 std::to_string(static_cast<int>(victim.habit())) + " to die of signal " + std::to_string(death));
    assassin.hire(victim.pidfd(), death, 1 + static_cast<long>(dice() % 1'500'000));
    Heard& heard = victim.heard();
    if (way == 4) {
      wait_for_any(which);
    } else if (way == 5) {  // the ring runs full: a send that waits has to notice
      while (heard.survive([&] { victim.send(coproc::kForever); })) {}
    } else if (way == 6) {  // a bit of everything
      while (heard.survive([&] {
        victim.send(0s);
        hear_some(victim.messenger(), heard, 1);
      })) {}
    } else {
      heard.survive([&] { victim.send(0s); });
    }
    hear_all(victim.messenger(), heard, way);  // what is left, or all
    assassin.dismiss();
    victim.expect_nothing_lost();
    ASSERT_TRUE(heard.status.has_value());
    EXPECT_EQ(heard.status->signal(), death == SIGSTOP ? SIGKILL : death) << heard.status->describe();
  }

  void end() {
    for (Member<M>& member : members_) {
      if (member.pidfd() < 0 || member.heard().status) continue;
      member.kill();
      hear_all(member.messenger(), member.heard(), 0);
      member.expect_nothing_lost();
    }
  }

 private:
  std::array<Member<M>, kMembers> members_;
};

template <class M>
void kill_at_random(std::uint64_t kills) {
  const NoCoreFiles none;
  Assassin assassin;
  std::mt19937_64 dice(chaos::seed());
  SCOPED_TRACE("COPROC_CHAOS_SEED=" + std::to_string(chaos::seed()));
  std::uint64_t kill = 0;
  while (kill < kills && !testing::Test::HasFailure()) {
    const support::Holdings before = support::Holdings::now();
    {
      const auto crowd = std::make_unique<Crowd<M>>();
      for (int i = 0; i < 50 && !testing::Test::HasFailure(); ++i, ++kill) {
        SCOPED_TRACE("kill " + std::to_string(kill));
        crowd->kill_one(dice, assassin);
      }
      crowd->end();
    }
    EXPECT_EQ(support::lasting_difference(before), "");
  }
  std::printf("chaos: %s: %llu kills\n", testing::UnitTest::GetInstance()->current_test_info()->name(),
              static_cast<unsigned long long>(kill));
}

}  // namespace

TEST(ChaosRandomKills, OfWorkersWithPriorities) {
  kill_at_random<coproc::PriorityMessenger>(chaos::environment("COPROC_CHAOS_KILLS", 200) / 2);
}

TEST(ChaosRandomKills, OfWorkersWithoutPriorities) {
  kill_at_random<coproc::MultiMessenger>(chaos::environment("COPROC_CHAOS_KILLS", 200) / 2);
}
