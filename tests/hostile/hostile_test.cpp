// Promises 11 and 12 against workers that do their worst: see attacks.hpp. Every call of the host comes back, with at
// most the worker's errors; its memory stays within the limits of LinkOptions; the worker can be stopped and started
// again; and an honest worker of the same host goes on.
//
// COPROC_HOSTILE_MUTATIONS: how many in each attack (a mutation is a chosen value in a word of the link, a bad frame,
// or a trick with a descriptor). COPROC_HOSTILE_SEED: of the first round; a failure prints the round's own, which with
// it is the first again. COPROC_HOSTILE_SANDBOX: the preset (guard, compute, files or client) in which the attackers of
// HostileInABox do their worst; without it, each round has another one. A box must not open a way that there is not
// without it: a refused call leaves an attacker elsewhere in its attack.
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <string>

#include "coproc/coproc.hpp"
#include "hostile/allocated.hpp"
#include "hostile/attacks.hpp"
#include "hostile/host_calls.hpp"
#include "hostile/rounds.hpp"

using namespace std::chrono_literals;

namespace hostile {
namespace {

constexpr coproc::LinkOptions kLimits{.ring_bytes = 16 * 1024,
                                      .max_message_bytes = 80 * 1024,
                                      .max_queued_bytes = 1024 * 1024,
                                      .loan_bytes = 1024 * 1024};
/// What a host may take for a hostile worker: a full inbox, whose entries may take half as much again as is counted;
/// what was declared, 4 MiB at least; a message on its way with copies of it (an error and its texts); recycled entries
/// and unanswered requests.
constexpr std::size_t kMostBytes = 2 * kLimits.max_queued_bytes + 8 * kLimits.max_message_bytes + (4 << 20) + (1 << 20);

/// Messages that verify themselves: key, generation and checksum.
struct Checked {
  std::uint64_t generation = 0;
  std::vector<std::uint64_t> words;
  std::uint64_t sum = 0;
};

class Honest {
 public:
  Honest() { worker_.start(); }
  /// Another exchange, with everything in order.
  void exchange(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Checked sent{.generation = ++generation_, .words = std::vector<std::uint64_t>(random() % 100), .sum = 0};
    for (auto& word : sent.words) word = random();
    sent.sum = std::accumulate(sent.words.begin(), sent.words.end(), std::uint64_t{0});
    worker_.messenger().send_request(sent);
    const auto got = worker_.messenger().receive_blocking<Checked>();
    ASSERT_EQ(got.generation, sent.generation);
    ASSERT_EQ(got.sum, ~sent.sum);
    ASSERT_TRUE(std::equal(got.words.begin(), got.words.end(), sent.words.rbegin(), sent.words.rend()));
  }

 private:
  std::uint64_t generation_ = 0;
  coproc::WorkerResource<void (*)(coproc::PriorityMessenger&)> worker_{
      +[](coproc::PriorityMessenger& host) {
        while (true) {
          auto message = host.receive_blocking<Checked>();
          message.sum = ~std::accumulate(message.words.begin(), message.words.end(), std::uint64_t{0});
          std::reverse(message.words.begin(), message.words.end());
          host.send_reply(message);
        }
      },
      {.method = coproc::StartMethod::fork, .name = "honest"}};
};

struct Figures {
  std::uint64_t rounds = 0, calls = 0, protocol_errors = 0, ordinary_errors = 0, deaths = 0;
  std::size_t most_bytes = 0;
};

/// Every attack by the number of its test.
std::vector<Attack> all_attacks() {
  std::vector<Attack> all;
  for (const auto family : {scribbling(), framing(), flooding(), waking(), lending(), living()})
    all.insert(all.end(), family.begin(), family.end());
  return all;
}

/// Closes the box of a preset. Where this kernel does not enforce all of it, the rest has to do.
void close_box(const std::string& preset) {
  using coproc::Sandbox;
  const std::map<std::string, Sandbox> boxes{{"guard", Sandbox::guard()},
                                             {"compute", Sandbox::compute()},
                                             {"files", Sandbox::files().read("/proc").write("/tmp")},
                                             {"client", Sandbox::client().connect({9})}};
  coproc::this_worker::confine(boxes.at(preset).best_effort());
}

/// The box of this round.
std::string preset_of(std::uint64_t seed) {
  constexpr std::array kPresets{"guard", "compute", "files", "client"};
  const char* const asked_for = std::getenv("COPROC_HOSTILE_SANDBOX");
  return asked_for != nullptr ? asked_for : kPresets[seed % kPresets.size()];
}

/// Lets workers attack this process until there were so many mutations.
void endure(const Attack& attack, std::uint64_t wanted, bool is_boxed) {
  const std::uint64_t first_seed = number_in_environment("COPROC_HOSTILE_SEED", std::random_device{}());
  SharedControl control;
  Honest honest;
  Figures figures;
  const auto target = [attack, is_boxed, &control](coproc::PriorityMessenger&, std::uint64_t seed) {
    Attacker attacker(*control, seed);
    if (is_boxed) {
      close_box(preset_of(seed));
      control->boxes.fetch_add(1);
    }
    attack.run(attacker);
    attacker.wait_for_the_end();
  };
  coproc::WorkerResource worker{target, {.name = attack.name, .link = kLimits}};

  const std::uint64_t least_rounds = attack.is_slow ? std::max<std::uint64_t>(2, wanted / 1000) : 3;
  for (std::uint64_t seed = first_seed;
       figures.rounds < least_rounds || (!attack.is_slow && control->mutations.load() < wanted); ++seed) {
    SCOPED_TRACE("COPROC_HOSTILE_SEED=" + std::to_string(seed));
    std::mt19937_64 random(seed);
    forget_peak();
    const std::size_t bytes_before = allocated_bytes();
    worker.start(seed);  // the same object, whatever became of the worker before
    HostCalls calls(worker.messenger(), random());
    std::uint64_t last_calls = 100 + random() % 400;  // a few after an error, too: it is to come again, or not to hurt
    for (; last_calls != 0; --last_calls) {
      const Outcome outcome = calls.make_one();
      control->host_calls.fetch_add(1);
      ++figures.calls;
      if (outcome == Outcome::protocol_error) ++figures.protocol_errors;
      if (outcome == Outcome::ordinary_error) ++figures.ordinary_errors;
      if (outcome == Outcome::died) ++figures.deaths;
      if (outcome == Outcome::protocol_error || outcome == Outcome::died)
        last_calls = std::min<std::uint64_t>(last_calls, 1 + random() % 8);
      if (figures.calls % 16 == 0) allocated_bytes();
      if (figures.calls % 32 == 0) honest.exchange(random());
      if (testing::Test::HasFatalFailure()) return;
    }
    const bool is_asked_first = random() % 8 == 0;
    const coproc::Timeout each = is_asked_first ? coproc::Timeout(2ms) : coproc::Timeout(0ms);
    const coproc::ExitStatus status = worker.stop({.close = each, .terminate = each});
    EXPECT_FALSE(std::holds_alternative<coproc::NotYetEnded>(status.end)) << status.describe();
    // What was left of it is received, or refused, and then its end is told.
    for (int i = 0;; ++i) {
      ASSERT_LT(i, 100'000) << "the end of a worker is not told";
      try {
        (void)worker.messenger().receive_blocking();
      } catch (const coproc::DecodeError&) {
      } catch (const coproc::ProtocolError&) {
        break;
      } catch (const coproc::WorkerDiedError&) {
        break;
      } catch (const coproc::QueueFullError&) {
        break;  // of other channels' messages
      } catch (const coproc::RemoteOrigin&) {
      } catch (const coproc::WorkerRequestedClose&) {
        if (i > 1000) break;  // a close request stands above all else, and is asked for again and again
      }
    }
    honest.exchange(random());
    const std::size_t taken = peak_allocated_bytes() - bytes_before;
    figures.most_bytes = std::max(figures.most_bytes, taken);
    EXPECT_LE(taken, kMostBytes);
    control->round.fetch_add(1);
    while (control->grandchildren.load() != 0) ::sched_yield();
    ++figures.rounds;
    if (testing::Test::HasFailure()) return;
  }
  if (is_boxed) {
    EXPECT_GT(control->boxes.load(), 0U) << "no attacker got as far as into its box";
  }
  std::cout << attack.name << (is_boxed ? " in a box" : "") << ": seed " << first_seed << ", "
            << control->mutations.load() << " mutations, " << figures.rounds << " workers, " << figures.calls
            << " calls, " << figures.protocol_errors << " protocol errors, " << figures.ordinary_errors
            << " other errors, " << figures.deaths << " deaths, at most " << figures.most_bytes / 1024 << " KiB\n";
}

std::string name_of(const testing::TestParamInfo<Attack>& attack) { return attack.param.name; }

class Hostile : public testing::TestWithParam<Attack> {};

TEST_P(Hostile, CostsItsHostNoMoreThanAnError) {
  endure(GetParam(), number_in_environment("COPROC_HOSTILE_MUTATIONS", 1500), false);
}
INSTANTIATE_TEST_SUITE_P(Attack, Hostile, testing::ValuesIn(all_attacks()), &name_of);

class HostileInABox : public testing::TestWithParam<Attack> {};

TEST_P(HostileInABox, CostsItsHostNoMoreThanAnError) {
  endure(GetParam(), number_in_environment("COPROC_HOSTILE_MUTATIONS", 1500) / 5, true);
}
INSTANTIATE_TEST_SUITE_P(Attack, HostileInABox, testing::ValuesIn(all_attacks()), &name_of);

}  // namespace
}  // namespace hostile
