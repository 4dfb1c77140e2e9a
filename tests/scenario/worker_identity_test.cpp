// Workers of one host begin with the same memory, and can be told apart all the same.
#include <gmock/gmock.h>

#include <coproc/coproc.hpp>

#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "conformance/parts.hpp"
#include "conformance/player.hpp"
#include "support/process.hpp"

using coproc::PriorityMessenger;
using coproc::StartMethod;

namespace {

struct Identity {
  std::uint64_t number = 0;
  std::uint64_t seed = 0;
  std::vector<long> drawn;  // by the C library's generators
};

Identity own_identity() {
  return {coproc::this_worker::number(), coproc::this_worker::seed(), {std::rand(), ::random(), ::lrand48()}};
}

void tell(PriorityMessenger& host) { host.send_norequest(own_identity()); }
Identity tell_pool(int) { return own_identity(); }

Identity identity_of(coproc::WorkerOptions options) {
  coproc::WorkerResource worker{&tell, std::move(options)};
  worker.start();
  return worker.messenger().receive_blocking<Identity>();
}

class WorkerIdentity : public ::testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(By, WorkerIdentity,
                         ::testing::Values(StartMethod::fork_server, StartMethod::fork, StartMethod::spawn),
                         [](const auto& each) { return parts::Way(each.param).name(); });

/// In a host with one thread, since a fork of others is not seeded. "" or what was wrong.
template <class Body>
void expect_in_host(Body body) {
  EXPECT_EQ(support::in_host([&] {
              std::string wrong;
              body([&](bool is_right, const char* what) {
                if (!is_right) wrong += std::string(what) + "; ";
              });
              return wrong;
            }),
            "");
}

TEST_P(WorkerIdentity, EachWorkerHasANumberAndASeedOfItsOwnAndDrawsItsOwnRandomNumbers) {
  expect_in_host([](auto expect) {
    const Identity first = identity_of({.method = GetParam()});
    const Identity second = identity_of({.method = GetParam()});
    expect(second.number == first.number + 1, "the next number");
    expect(second.seed != first.seed, "another seed");
    for (std::size_t i = 0; i < first.drawn.size(); ++i) expect(second.drawn[i] != first.drawn[i], "drawn");
  });
}

TEST_P(WorkerIdentity, AnEqualNumberAndSeedGiveTheSameNumbersAgain) {
  expect_in_host([](auto expect) {
    const Identity first = identity_of({.method = GetParam(), .number = 7, .seed = 42});
    const Identity again = identity_of({.method = GetParam(), .number = 7, .seed = 42});
    const Identity other = identity_of({.method = GetParam(), .number = 8, .seed = 42});
    expect(first.number == 7, "the number");
    expect(again.seed == first.seed && again.drawn == first.drawn, "the same again");
    expect(other.seed != first.seed && other.drawn != first.drawn, "others");
  });
}

TEST(WorkerIdentity, InAPoolTheNumberIsThePlaceAndAWorkerThatReplacesAnotherOneHasIt) {
  coproc::Pool pool{{.workers = 3, .recycle = {.requests = 1}}};
  std::set<std::uint64_t> numbers, seeds;
  std::vector<int> tasks(12);
  for (const Identity& one : pool.map(&tell_pool, tasks)) {
    numbers.insert(one.number);
    seeds.insert(one.seed);
  }
  EXPECT_THAT(numbers, ::testing::IsSubsetOf({0U, 1U, 2U}));
  EXPECT_EQ(seeds.size(), tasks.size());
}

TEST(WorkerIdentity, AHostHasOneToo) {
  EXPECT_EQ(coproc::this_worker::number(), 0U);
  EXPECT_EQ(coproc::this_worker::seed(), coproc::this_worker::seed());
}

}  // namespace
