// Workers of a pool that do their worst in the middle of a task: every task is answered all the same, and but for what
// a liar ran, correctly. The host does not hang, does not crash, and takes no more memory than it may; the pool goes
// on.
//
// COPROC_HOSTILE_MUTATIONS and COPROC_HOSTILE_SEED: as in hostile_test.cpp; fifty mutations are one round here, fewer
// where liars are found out only by their time limit.
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <coproc/coproc.hpp>
#include <deque>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hostile/allocated.hpp"
#include "hostile/attacks.hpp"
#include "hostile/pool_attacks.hpp"
#include "hostile/rounds.hpp"

using namespace std::chrono_literals;

namespace hostile {
namespace {

using News = coproc::detail::JobHandle::News;
using coproc::detail::TaskPtr;

constexpr std::size_t kWorkers = 2;
constexpr coproc::LinkOptions kLimits{.ring_bytes = 16 * 1024,
                                      .max_message_bytes = 80 * 1024,
                                      .max_queued_bytes = 1024 * 1024,
                                      .loan_bytes = 1024 * 1024};
constexpr std::size_t kMostBytes =
    kWorkers * (2 * kLimits.max_queued_bytes + 8 * kLimits.max_message_bytes + (5 << 20));

/// Of each task: long enough for an honest one on a machine that is busy.
constexpr auto kTimeLimit = 500ms * COPROC_TEST_TIME_SCALE;

struct AnyAttack {
  const char* name;
  void (*of_a_link)(Attacker&);
  void (*of_a_pool)(Attacker&, LyingTask&);
};

std::vector<AnyAttack> all_attacks() {
  std::vector<AnyAttack> all;
  for (const PoolAttack& attack : lying_in_pools()) all.push_back({attack.name, nullptr, attack.run});
  for (const auto family : {scribbling(), framing(), flooding(), waking(), lending(), living()}) {
    for (const Attack& attack : family) all.push_back({attack.name, attack.run, nullptr});
  }
  return all;
}

// Of the workers, which are forks of this process as it is when they are started.
Control* control_of_workers = nullptr;
const AnyAttack* attack_of_workers = nullptr;

struct Input {
  int x = 0;
  std::uint64_t seed = 0;  // of the lie; 0: it is an honest task
};

class InputTask final : public coproc::detail::Task {
 public:
  explicit InputTask(const Input& input) : input_(input) {}
  void encode(coproc::Encoder& encoder) const override { coproc::encode(encoder, input_); }

 private:
  Input input_;
};

/// In a worker.
void run_task(coproc::detail::TaskRun& run) {
  static std::uint64_t serial = 0;
  ++serial;
  const auto input = coproc::decode<Input>(run.arguments);
  run.is_decoded = true;
  if (run.is_skipped) return;
  LyingTask task{run, serial, input.x};
  if (input.seed == 0) return task.answer();
  Attacker attacker(*control_of_workers, input.seed);
  if (attack_of_workers->of_a_pool != nullptr) return attack_of_workers->of_a_pool(attacker, task);
  attack_of_workers->of_a_link(attacker);
  attacker.wait_for_the_end();
}

struct Counts {
  std::size_t lies = 0, spoiled_by_lies = 0, spoiled = 0, timed_out = 0;
};

class HostilePools : public testing::TestWithParam<AnyAttack> {
 protected:
  HostilePools() {
    control_of_workers = &*control_;
    attack_of_workers = &GetParam();
    coproc::PoolOptions options{.workers = kWorkers, .window = 1};
    options.worker.method = coproc::StartMethod::fork;
    options.worker.link = kLimits;
    options.worker.stop = {.close = 50ms, .terminate = 0ms};
    pool_ = std::make_unique<coproc::detail::PoolHandle>(coproc::detail::StateCode(), options);
  }

  /// All of them, each once, or the test fails.
  void map(const std::vector<Input>& inputs, bool is_ordered) {
    coproc::detail::JobHandle job(*pool_, {.run = &run_task}, {.time_limit = kTimeLimit}, {.is_ordered = is_ordered});
    std::vector<TaskPtr> tasks;
    for (const Input& input : inputs) tasks.push_back(std::make_unique<InputTask>(input));
    job.add(std::move(tasks));
    job.end_input();
    std::vector<int> seen(inputs.size());
    std::deque<TaskPtr> results;
    for (News news = News::results; news != News::finished; news = job.wait(results, 1ms)) {
      control_->host_calls.fetch_add(1);
      for (; !results.empty(); results.pop_front()) {
        ASSERT_LT(results.front()->index, inputs.size());
        ++seen[results.front()->index];
        const Input& input = inputs[results.front()->index];
        if (is_correct(*results.front(), input.x)) continue;
        ++(input.seed == 0 ? counts_.spoiled : counts_.spoiled_by_lies);
      }
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(seen.size()));
    for (const Input& input : inputs) counts_.lies += input.seed == 0 ? 0 : 1;
  }

  /// Whatever of it a worker must not be able to cause is passed on.
  bool is_correct(const coproc::detail::Task& task, int x) {
    try {
      const auto answer = coproc::detail::decode_result<Answer>(task);
      return answer.x == x && answer.check == check_of(x);
    } catch (const coproc::TaskTimeoutError&) {
      ++counts_.timed_out;
      return false;
    } catch (const coproc::Error&) {
      return false;
    } catch (const std::out_of_range&) {
      return false;  // a forged error
    }
  }

  SharedControl control_;
  std::unique_ptr<coproc::detail::PoolHandle> pool_;
  Counts counts_;
};

TEST_P(HostilePools, CostTheTasksThatTheyRanAndNoOthers) {
  const std::uint64_t first_seed = number_in_environment("COPROC_HOSTILE_SEED", std::random_device{}());
  const std::uint64_t wanted = number_in_environment("COPROC_HOSTILE_MUTATIONS", 1500);
  std::uint64_t rounds = 0;
  forget_peak();
  const std::size_t bytes_before = allocated_bytes();
  const auto is_enough = [&] { return rounds >= wanted / 50 || counts_.timed_out >= wanted / 300; };
  for (std::uint64_t seed = first_seed; (rounds < 2 || !is_enough()) && !HasFailure(); ++seed, ++rounds) {
    SCOPED_TRACE("COPROC_HOSTILE_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::vector<Input> inputs(30);
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].x = static_cast<int>(i);
    for (int lies = 1 + static_cast<int>(random() % 3); lies != 0; --lies) inputs[random() % 30].seed = random() | 1;
    map(inputs, random() % 2 == 0);
    control_->round.fetch_add(1);
    while (control_->grandchildren.load() != 0) ::sched_yield();
    for (Input& input : inputs) input.seed = 0;
    map(inputs, true);  // by those, too, who lied and were not found out yet
    allocated_bytes();
    // A liar costs the task in which it lies and, as it lies behind its answer, the one that it is given then.
    EXPECT_LE(counts_.spoiled, counts_.lies);
  }
  counts_.spoiled = 0;
  std::vector<Input> honest(50);
  map(honest, false);
  EXPECT_EQ(counts_.spoiled, 0U);
  EXPECT_LE(peak_allocated_bytes() - bytes_before, kMostBytes);
  std::cout << GetParam().name << ": seed " << first_seed << ", " << rounds << " rounds, " << control_->mutations.load()
            << " mutations, " << counts_.lies << " lies, of which " << counts_.spoiled_by_lies
            << " spoiled their task, at most " << (peak_allocated_bytes() - bytes_before) / 1024 << " KiB\n";
}

INSTANTIATE_TEST_SUITE_P(Attack, HostilePools, testing::ValuesIn(all_attacks()),
                         [](const auto& attack) { return std::string(attack.param.name); });

}  // namespace
}  // namespace hostile
