// Calls that go to a worker together, as one task of the pool: each is answered, fails and is limited by itself all the
// same.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <coproc/coproc.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using namespace pool_test;
using namespace std::chrono_literals;

namespace {

constexpr int kCalls = 100;
constexpr std::size_t kStretch = 40;
/// All of them fit into the window: a stretch is as long as a chunk is asked to be.
const coproc::PoolOptions kOneWorker{.workers = 1, .window = kCalls};

struct Job {
  int x = 0;
  std::string marks = {};
  std::string go = {};
};

std::vector<Job> jobs(const std::string& marks, const std::string& go = {}) {
  std::vector<Job> all;
  for (int x = 0; x != kCalls; ++x) all.push_back({x, marks, go});
  return all;
}

std::size_t marks_in(const std::string& path) {
  std::ifstream in(path);
  return static_cast<std::size_t>(std::distance(std::istreambuf_iterator<char>(in), {}));
}

int die_at_the_middle(const Job& job) {
  leave_mark(job.marks);
  if (job.x == 20) ::raise(SIGKILL);
  return job.x;
}

TEST(PoolStretches, ADeathCostsTheCallThatRanAndNoneIsRunTwice) {
  const support::TemporaryFile marks;
  coproc::Pool pool{kOneWorker};
  int next = 0;
  for (auto& result : pool.map(die_at_the_middle, jobs(marks.path()), {.chunk_size = kStretch}).as_results()) {
    ASSERT_EQ(result.index(), static_cast<std::uint64_t>(next));
    if (next != 20) {
      EXPECT_EQ(result.value(), next);
    } else {
      EXPECT_THROW(result.value(), coproc::WorkerDiedError);
    }
    ++next;
  }
  EXPECT_EQ(next, kCalls);
  EXPECT_EQ(marks_in(marks.path()), static_cast<std::size_t>(kCalls));
  EXPECT_EQ(pool.insights().workers[0].tasks, static_cast<std::size_t>(kCalls));
  EXPECT_EQ(pool.insights().workers[0].failed, 1U);
}

TEST(PoolStretches, TheCallWhoseWorkerDiedIsRunAgainIfThatIsAllowed) {
  const support::TemporaryFile marks;
  coproc::Pool pool{kOneWorker};
  const auto die_once = [](const Job& job) {
    if (job.x == 20 && marks_in(job.marks) == 0) {
      leave_mark(job.marks);
      ::raise(SIGKILL);
    }
    return job.x;
  };
  const std::vector<int> all = pool.map(die_once, jobs(marks.path()), {.chunk_size = kStretch, .max_retries = 1});
  EXPECT_EQ(all, numbers(kCalls));
  EXPECT_EQ(pool.insights().workers[0].starts, 2U);
}

TEST(PoolStretches, ResultsAreThereBeforeALaterCallOfTheSameStretchHasEnded) {
  const support::TemporaryFile go;
  coproc::Pool pool{kOneWorker};
  const auto wait_in_the_middle = [](const Job& job) {
    if (job.x == 30) wait_for(job.go);
    return job.x;
  };
  int read = 0;
  for (const int x : pool.map(wait_in_the_middle, jobs({}, go.path()), {.chunk_size = kStretch})) {
    EXPECT_EQ(x, read);
    if (++read == 30) leave_mark(go.path());
  }
  EXPECT_EQ(read, kCalls);
}

TEST(PoolStretches, AnErrorIsThatOfItsCall) {
  coproc::Pool pool{kOneWorker};
  const auto refuse_some = [](const Job& job) {
    if (job.x % 7 == 3) throw std::out_of_range(std::to_string(job.x));
    return job.x;
  };
  int seen = 0;
  for (auto& result : pool.map(refuse_some, jobs({}), {.chunk_size = kStretch}).as_results()) {
    const int x = static_cast<int>(result.index());
    EXPECT_EQ(result.has_value(), x % 7 != 3);
    try {
      EXPECT_EQ(result.value(), x);
    } catch (const std::out_of_range& error) {
      EXPECT_EQ(std::string(error.what()), std::to_string(x));
      EXPECT_EQ(dynamic_cast<const coproc::RemoteOrigin&>(error).task(), static_cast<std::uint64_t>(x));
    }
    ++seen;
  }
  EXPECT_EQ(seen, kCalls);
}

TEST(PoolStretches, NothingComesBehindTheErrorThatEndsAMap) {
  coproc::Pool pool{kOneWorker};
  const auto refuse_one = [](const Job& job) {
    if (job.x == 20) throw std::out_of_range("twenty");
    return job.x;
  };
  auto results = pool.map(refuse_one, jobs({}), {.chunk_size = kStretch, .stop_on_error = true}).as_results();
  int seen = 0;
  for (auto& result : results) {
    EXPECT_EQ(result.has_value(), seen != 20);
    ++seen;
  }
  EXPECT_EQ(seen, 21);
  expect_usable(pool);
}

TEST(PoolStretches, ATimeLimitIsThatOfEachCall) {
  coproc::Pool pool{kOneWorker};
  const auto hang_at_one = [](const Job& job) {
    if (job.x == 20) support::sleep_for_ever();
    return job.x;
  };
  int seen = 0;
  for (auto& result : pool.map(hang_at_one, jobs({}), {.chunk_size = kStretch, .time_limit = 1s}).as_results()) {
    if (result.index() != 20) {
      EXPECT_EQ(result.value(), static_cast<int>(result.index()));
    } else {
      EXPECT_THROW(result.value(), coproc::TaskTimeoutError);
    }
    ++seen;
  }
  EXPECT_EQ(seen, kCalls);
}

struct Unwilling {
  int x = 0;
};

}  // namespace

namespace coproc {

template <>
struct Codec<Unwilling> {
  static constexpr std::string_view name = "Unwilling";
  static void encode(Encoder& encoder, const Unwilling& value) {
    if (value.x == 20) throw std::length_error("not this one");
    coproc::encode(encoder, value.x);
  }
  static Unwilling decode(Decoder& decoder) { return {coproc::decode<int>(decoder)}; }
};

}  // namespace coproc

namespace {

TEST(PoolStretches, AnArgumentThatCannotBeEncodedFailsItsCallOnly) {
  coproc::Pool pool{kOneWorker};
  std::vector<Unwilling> items;
  for (int x = 0; x != kCalls; ++x) items.push_back({x});
  const auto take = [](const Unwilling& item) { return item.x; };
  int seen = 0;
  for (auto& result : pool.map(take, items, {.chunk_size = kStretch}).as_results()) {
    if (result.index() != 20) {
      EXPECT_EQ(result.value(), static_cast<int>(result.index()));
    } else {
      EXPECT_THROW(result.value(), std::length_error);
    }
    ++seen;
  }
  EXPECT_EQ(seen, kCalls);
}

/// The numbers from 0 on, of which the twentieth cannot be reached.
struct Numbers {
  struct Iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int at = 0;
    int operator*() const { return at; }
    Iterator& operator++() {
      if (++at == 20) throw std::runtime_error("no more");
      return *this;
    }
    bool operator==(const Iterator&) const = default;
  };
  Iterator begin() const { return {0}; }
  Iterator end() const { return {kCalls}; }
};

TEST(PoolStretches, AnInputThatThrowsInTheMiddleOfOneHasGivenWhatWasBefore) {
  coproc::Pool pool{kOneWorker};
  int seen = 0;
  const auto read_all = [&] {
    for (const int value : pool.map(square, Numbers(), {.chunk_size = kStretch})) {
      EXPECT_EQ(value, seen * seen);
      ++seen;
    }
  };
  EXPECT_THROW(read_all(), std::runtime_error);
  EXPECT_EQ(seen, 20);
}

TEST(PoolStretches, LargeAndSmallResultsKeepTheirOrder) {
  coproc::Pool pool{kOneWorker};
  const auto repeat = [](const Job& job) {
    return std::string(job.x % 5 == 0 ? 20'000 : 10, static_cast<char>(job.x));
  };
  int x = 0;
  for (const std::string& text : pool.map(repeat, jobs({}), {.chunk_size = kStretch})) {
    EXPECT_EQ(text, std::string(x % 5 == 0 ? 20'000 : 10, static_cast<char>(x)));
    ++x;
  }
  EXPECT_EQ(x, kCalls);
}

TEST(PoolStretches, ForksTakeThemToo) {
  coproc::LazyPool pool{{.workers = 2, .window = kCalls}};
  const int offset = 7;
  const std::vector<int> all =
      pool.map([&](int x) { return x + offset; }, numbers(kCalls), coproc::TaskOptions{.chunk_size = 7});
  for (int x = 0; x != kCalls; ++x) EXPECT_EQ(all[static_cast<std::size_t>(x)], x + offset);
}

}  // namespace
