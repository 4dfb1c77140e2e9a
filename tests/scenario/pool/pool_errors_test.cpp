// What a pool does with tasks that throw, and with values that cannot travel.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <coproc/coproc.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "scenario/pool/pool_for_test.hpp"

using coproc::Pool;
using coproc::RemoteOrigin;
using namespace pool_test;

namespace {

int refuse_17(int x) {
  if (x == 17) throw std::invalid_argument("it is seventeen");
  return x;
}

// ---- a task throws ----

TEST(PoolErrors, ATasksErrorHasItsTypeAndItsIndexAndTheRestGoesOn) {
  Pool pool{{.workers = 2}};
  std::vector<int> values;
  std::vector<std::uint64_t> failed;
  auto results = pool.map(refuse_17, numbers(40));
  for (int loops = 0; loops < 2; ++loops) {
    try {
      for (int value : results) values.push_back(value);
    } catch (const std::invalid_argument& error) {
      EXPECT_STREQ(error.what(), "it is seventeen");
      const auto* origin = dynamic_cast<const RemoteOrigin*>(&error);
      ASSERT_NE(origin, nullptr);
      failed.push_back(origin->task().value_or(0));
      EXPECT_NE(origin->peer_pid(), ::getpid());
    }
  }
  EXPECT_EQ(failed, std::vector<std::uint64_t>{17});
  EXPECT_EQ(values.size(), 39U);
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  expect_usable(pool);
}

TEST(PoolErrors, ErrorsCanBeReadLikeResults) {
  Pool pool{{.workers = 2}};
  std::size_t failures = 0;
  std::size_t good = 0;
  for (auto& result : pool.map_unordered(refuse_17, numbers(40)).as_results()) {
    if (result.has_value()) {
      ++good;
    } else {
      EXPECT_EQ(result.index(), 17U);
      EXPECT_THROW(result.value(), std::invalid_argument);
      ++failures;
    }
  }
  EXPECT_EQ(failures, 1U);
  EXPECT_EQ(good, 39U);
}

TEST(PoolErrors, TheFirstErrorEndsAMapThatIsToStop) {
  Pool pool{{.workers = 2}};
  std::vector<int> values;
  auto results = pool.map(refuse_17, numbers(100'000), {.stop_on_error = true});
  EXPECT_THROW(
      {
        for (int value : results) values.push_back(value);
      },
      std::invalid_argument);
  EXPECT_EQ(values, numbers(17));
  for (int value : results) ADD_FAILURE() << value << " comes behind the error that was to end it";
  expect_usable(pool);

  std::size_t count = 0;
  bool has_failed = false;
  for (auto& result : pool.map_unordered(refuse_17, numbers(100'000), {.stop_on_error = true}).as_results()) {
    EXPECT_FALSE(has_failed) << "nothing comes behind the error";
    has_failed = !result.has_value();
    ++count;
  }
  EXPECT_TRUE(has_failed);
  EXPECT_LT(count, 90'000U);
  expect_usable(pool);
}

TEST(PoolErrors, CollectThrowsTheFirstErrorAndAbandonsTheRest) {
  Pool pool{{.workers = 2}};
  EXPECT_THROW(pool.map(refuse_17, numbers(1000)).collect(), std::invalid_argument);
  expect_usable(pool);
}

TEST(PoolErrors, ASubmittedTasksErrorIsThrownByGet) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit(refuse_17, 17);
  EXPECT_THROW(task.get(), std::invalid_argument);
  expect_usable(pool);
}

struct Untold {};

TEST(PoolErrors, AnErrorThatCannotTravelIsARemoteError) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit([] { throw Untold(); });
  try {
    task.get();
    ADD_FAILURE() << "no error came";
  } catch (const coproc::RemoteError& error) {
    EXPECT_NE(error.type_name().find("Untold"), std::string::npos) << error.type_name();
    EXPECT_EQ(error.task(), 0U);
  }
  expect_usable(pool);
}

struct NotAnImage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Never called: that it is there is enough.
[[maybe_unused]] void name_what_is_thrown() { coproc::accept_errors<NotAnImage>(); }

TEST(PoolErrors, AnOwnExceptionThatTheProgramAcceptsKeepsItsType) {
  Pool pool{{.workers = 1}};
  auto task = pool.submit([] { throw NotAnImage("bad magic"); });
  try {
    task.get();
    ADD_FAILURE() << "no error came";
  } catch (const NotAnImage& error) {
    EXPECT_STREQ(error.what(), "bad magic");
    EXPECT_NE(dynamic_cast<const RemoteOrigin*>(&error), nullptr);
  }
}

// ---- values that cannot be sent ----

struct Fragile {
  int value = 0;
};

}  // namespace

template <>
struct coproc::Codec<Fragile> {
  static constexpr std::string_view name = "Fragile";
  static void encode(Encoder& encoder, const Fragile& fragile) {
    if (fragile.value == 3) throw std::domain_error("three cannot be encoded");
    coproc::encode(encoder, fragile.value);
  }
  static Fragile decode(Decoder& decoder) {
    Fragile fragile{coproc::decode<int>(decoder)};
    if (fragile.value == 5) throw std::domain_error("five cannot be decoded");
    return fragile;
  }
};

namespace {

TEST(PoolErrors, AnArgumentThatCannotBeEncodedFailsItsTaskOnly) {
  Pool pool{{.workers = 2}};
  std::vector<Fragile> inputs;
  for (int i : {0, 1, 2, 3, 4, 6, 7}) inputs.push_back({i});
  std::vector<std::uint64_t> failed;
  const auto value = [](Fragile fragile) { return fragile.value; };
  for (auto& result : pool.map(value, inputs, {.chunk_size = 4}).as_results()) {
    if (!result.has_value()) {
      EXPECT_THROW(result.value(), std::domain_error);
      failed.push_back(result.index());
    }
  }
  EXPECT_EQ(failed, std::vector<std::uint64_t>{3});
  expect_usable(pool);
}

TEST(PoolErrors, AnArgumentThatCannotBeDecodedFailsItAndWhatWasSentBehindIt) {
  Pool pool{{.workers = 1}};
  const auto value = [](Fragile fragile) { return fragile.value; };
  std::vector<std::uint64_t> failed;
  for (auto& result : pool.map(value, std::vector<Fragile>{{1}, {5}, {2}}, {.chunk_size = 1}).as_results()) {
    if (!result.has_value()) failed.push_back(result.index());
  }
  EXPECT_EQ(failed, std::vector<std::uint64_t>{1});
  expect_usable(pool);
}

TEST(PoolErrors, AResultThatCannotBeEncodedOrDecodedFailsItsTask) {
  Pool pool{{.workers = 1}};
  const auto make = [](int value) { return Fragile{value}; };
  std::vector<std::uint64_t> failed;
  for (auto& result : pool.map(make, numbers(8)).as_results()) {
    if (!result.has_value()) {
      EXPECT_THROW(result.value(), std::domain_error);
      failed.push_back(result.index());
    }
  }
  EXPECT_EQ(failed, (std::vector<std::uint64_t>{3, 5}));
  expect_usable(pool);
}

TEST(PoolErrors, AResultThatIsTooLargeFailsItsTask) {
  Pool pool{{.workers = 1, .worker = {.link = {.max_message_bytes = 4096}}}};
  auto task = pool.submit([] { return std::string(100'000, 'x'); });
  EXPECT_THROW(task.get(), coproc::Error);
  expect_usable(pool);
}

}  // namespace
