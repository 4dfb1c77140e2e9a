// Ends a process at the Nth step of the protocol (step/step.hpp), for N = 1, 2, ... until a run does not come so far.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>

#include "chaos/ledger.hpp"
#include "chaos/options.hpp"
#include "chaos/parcel.hpp"
#include "support/hygiene.hpp"
#include "support/watchdog.hpp"

namespace chaos {

/// What a process does at its step. `stop`: SIGSTOP, and the test kills it when it sees that.
enum class Death { kill, stop, exit, abort };
const char* name_of(Death death) noexcept;

struct Case {
  std::uint64_t nth;
  Death death;
  std::uint64_t random;  // for everything else that may differ from case to case

  /// An independent choice out of `count`, the same at every replay.
  std::uint64_t choice(std::uint64_t what, std::uint64_t count) const noexcept { return mixed(random + what) % count; }
};

enum class Who { workers_started_now, this_process };

/// While it lives (and in the workers that are started meanwhile, for good) steps are counted in `ledger`.
class Armed {
 public:
  Armed(const Case& which, Ledger& ledger, Who who) noexcept;
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;
  ~Armed();
};

/// Whether the process sleeps, is stopped or has ended: what it could do it has done.
bool is_at_rest(int pid);

/// From now on this process, at one of its own steps or at none (the case decides), waits until the worker is at rest
/// or dead: so that all that may happen between a look and the sleep behind it does happen. Until `hurry()`.
void dawdle(const Case& which, int worker) noexcept;
void hurry() noexcept;

/// Kills what has stopped itself at its step; while it lives SIGCHLD is its own.
class KillsTheStopped {
 public:
  explicit KillsTheStopped(Ledger& ledger) noexcept;
  KillsTheStopped(const KillsTheStopped&) = delete;
  KillsTheStopped& operator=(const KillsTheStopped&) = delete;
  ~KillsTheStopped();
};

/// `body(case, ledger)` for each step (or each `stride`th, in turns); it has to leave nothing behind each time.
template <class Body>
void at_each_step(Body body, std::uint64_t stride = 1) {
  if (support::time_scale() > 1) stride *= 4;  // under a sanitizer, so that it stays short
  const char* test = testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::uint64_t only = environment("COPROC_CHAOS_STEP", 0);
  const std::uint64_t wanted = std::max<std::uint64_t>(1, environment("COPROC_CHAOS_KILLS", 0) / 10 / stride);
  std::uint64_t kills = 0;
  std::uint64_t fewest = ~std::uint64_t{0};
  std::uint64_t most = 0;
  for (std::uint64_t pass = 0; pass == 0 || (kills < wanted && most > 0); ++pass) {
    // Not behind the last step that there is, for then there is nothing to kill.
    const std::uint64_t firsts = pass == 0 ? stride : std::min(stride, most);
    for (std::uint64_t nth = only != 0 ? only : 1 + (seed() + pass) % firsts;; nth += stride) {
      const std::uint64_t random = mixed(mixed(seed() + pass) + nth);
      const Case which{nth, static_cast<Death>(random % 4), random / 4};
      const Shared<Ledger> ledger;
      SCOPED_TRACE("replay: COPROC_CHAOS_SEED=" + std::to_string(seed() + pass) +
                   " COPROC_CHAOS_STEP=" + std::to_string(nth) + ", it ends by " + name_of(which.death));
      {
        const KillsTheStopped killer(*ledger);
        const support::Holdings before = support::Holdings::now();
        body(which, *ledger);
        hurry();
        EXPECT_EQ(support::lasting_difference(before), "");
      }
      EXPECT_STREQ(ledger->complaint, "");
      if (testing::Test::HasFailure()) {
        std::printf("chaos: %s: step %llu is \"%s\"\n", test, static_cast<unsigned long long>(nth), ledger->step);
        return;
      }
      const std::uint64_t steps = ledger->steps.load(std::memory_order_relaxed);
      if (steps < nth) {
        fewest = std::min(fewest, steps);
        most = std::max(most, steps);
        break;
      }
      ++kills;
      if (only != 0) return;
    }
  }
  EXPECT_GT(kills, 0U) << "it hardly has a step: this test tests nothing";
  std::printf("chaos: %s: %llu to %llu steps, %llu kills\n", test, static_cast<unsigned long long>(fewest),
              static_cast<unsigned long long>(most), static_cast<unsigned long long>(kills));
}

}  // namespace chaos
