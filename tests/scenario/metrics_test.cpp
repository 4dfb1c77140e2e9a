// What coproc::Metrics reports of real workers and pools, and that its counters never go back.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <coproc/coproc.hpp>
#include <coproc/metrics.hpp>
#include <coproc/supervised.hpp>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "os/sanitizer.hpp"
#include "scenario/supervised_worker.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;
using coproc::Metrics;
using coproc::Supervised;
using coproc::WorkerDiedError;
using coproc::WorkerResource;

namespace {

using Samples = std::map<std::string, double>;  // by the whole of their names, labels included

/// The samples of the text of this name, which other tests must not use. Fails if one is there twice.
Samples samples_of(const std::string& text, const std::string& name) {
  Samples samples;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if (line.find("{name=\"" + name + "\",") == std::string::npos) continue;
    const std::size_t space = line.rfind(' ');
    EXPECT_TRUE(samples.emplace(line.substr(0, space), std::stod(line.substr(space))).second) << "twice: " << line;
  }
  return samples;
}
Samples samples_of(const std::string& name) { return samples_of(Metrics().text(), name); }

std::string series(const std::string& metric, const std::string& name, const std::string& more = "", int place = 0) {
  return metric + "{name=\"" + name + "\",place=\"" + std::to_string(place) + "\"" + more + "}";
}
std::optional<double> value(const Samples& samples, const std::string& metric, const std::string& name,
                            const std::string& more = "", int place = 0) {
  const auto at = samples.find(series(metric, name, more, place));
  return at == samples.end() ? std::nullopt : std::optional(at->second);
}

constexpr const char* kSent = ",direction=\"sent\"";
constexpr const char* kReceived = ",direction=\"received\"";

/// Fails if a counter of `before` is missing or lower in `now`.
void expect_no_counter_went_back(const Samples& before, const Samples& now) {
  for (const auto& [name, old] : before) {
    if (name.find("_total{") == std::string::npos) continue;
    const auto at = now.find(name);
    ASSERT_NE(at, now.end()) << name << " is gone";
    ASSERT_GE(at->second, old) << name << " went back";
  }
}

using Tenfold = decltype(WorkerResource(&tenfold));

int ask(Tenfold& worker, int number) {
  return worker.messenger().receive_reply<int>(worker.messenger().send_request(number));
}

}  // namespace

TEST(MetricsOfWorkers, AWorkerIsThereFromItsStartOnAndItsCountersStay) {
  {
    WorkerResource worker{&tenfold, {.name = "m1"}};
    EXPECT_TRUE(samples_of("m1").empty());
    worker.start();
    EXPECT_EQ(ask(worker, 1), 10);
    EXPECT_EQ(ask(worker, 2), 20);
    worker.messenger().send_request(3);
    const Samples now = samples_of("m1");
    EXPECT_EQ(value(now, "coproc_worker_up", "m1"), 1);
    EXPECT_EQ(value(now, "coproc_worker_starts_total", "m1"), 1);
    EXPECT_EQ(value(now, "coproc_worker_messages_total", "m1", kSent), 3);
    EXPECT_EQ(value(now, "coproc_worker_messages_total", "m1", kReceived), 2);
    EXPECT_EQ(value(now, "coproc_worker_requests_unanswered", "m1"), 1);
    EXPECT_GT(value(now, "coproc_worker_resident_bytes", "m1").value_or(0), 100'000);
    EXPECT_GT(value(now, "coproc_worker_cpu_seconds_total", "m1").value_or(0), 0);
    EXPECT_TRUE(value(now, "coproc_worker_ring_bytes_used", "m1", kSent).has_value());
    EXPECT_EQ(value(now, "coproc_worker_restarts_total", "m1", ",reason=\"signal\""), std::nullopt);  // not supervised

    worker.kill();
    worker.join();
    const Samples ended = samples_of("m1");
    EXPECT_EQ(value(ended, "coproc_worker_up", "m1"), 0);
    EXPECT_EQ(value(ended, "coproc_worker_resident_bytes", "m1"), std::nullopt);
    expect_no_counter_went_back(now, ended);
  }
  const Samples gone = samples_of("m1");
  EXPECT_EQ(value(gone, "coproc_worker_up", "m1"), std::nullopt);
  EXPECT_EQ(value(gone, "coproc_worker_requests_unanswered", "m1"), std::nullopt);
  EXPECT_EQ(value(gone, "coproc_worker_messages_total", "m1", kSent), 3);
  EXPECT_EQ(value(gone, "coproc_worker_starts_total", "m1"), 1);
}

TEST(MetricsOfWorkers, ThoseOfOneNameHavePlaces) {
  WorkerResource first{&tenfold, {.name = "m2"}}, second{&tenfold, {.name = "m2"}};
  first.start();
  second.start();
  EXPECT_EQ(ask(second, 1), 10);
  const Samples now = samples_of("m2");
  EXPECT_EQ(value(now, "coproc_worker_messages_total", "m2", kSent, 0), 0);
  EXPECT_EQ(value(now, "coproc_worker_messages_total", "m2", kSent, 1), 1);
}

TEST(MetricsOfWorkers, AWorkerThatCouldNotBeStartedIsDown) {
  WorkerResource worker{coproc::Executable{.path = "/does/not/exist"}, {.name = "m3"}};
  EXPECT_THROW(worker.start(), coproc::StartError);
  const Samples now = samples_of("m3");
  EXPECT_EQ(value(now, "coproc_worker_up", "m3"), 0);
  EXPECT_EQ(value(now, "coproc_worker_starts_total", "m3"), 0);
}

TEST(MetricsOfWorkers, HostileNamesStaySingleLabels) {
  std::vector<std::unique_ptr<Tenfold>> workers;
  for (const char* const name : {"m4\"} 1\nfake{x=\"", "m4\\", "m4\xff", "m4\xfe", "m4\n"}) {
    workers.push_back(std::make_unique<Tenfold>(&tenfold, coproc::WorkerOptions{.name = name}));
    workers.back()->start();
  }
  std::vector<std::string> ups;
  const std::string text = Metrics().text();
  EXPECT_EQ(text.find("\nfake"), std::string::npos);
  for (std::size_t at = 0; (at = text.find("\ncoproc_worker_up{name=\"m4", at)) != std::string::npos; ++at) {
    ups.push_back(text.substr(at + 24, text.find('\n', at + 1) - at - 24));
  }
  std::sort(ups.begin(), ups.end());
  EXPECT_THAT(ups, testing::UnorderedElementsAre(R"(m4\"} 1\\nfake{x=\"",place="0"} 1)", R"(m4\\",place="0"} 1)",
                                                 R"(m4\\xff",place="0"} 1)", R"(m4\\xfe",place="0"} 1)",
                                                 R"(m4\\n",place="0"} 1)"));
}

TEST(MetricsOfWorkers, AMessageThatIsPutBackLowersNothing) {
  WorkerResource worker{&tenfold, {.name = "m5"}};
  worker.start();
  worker.messenger().send_request(1);
  auto message = worker.messenger().receive_blocking();
  const Samples before = samples_of("m5");
  EXPECT_EQ(value(before, "coproc_worker_messages_total", "m5", kReceived), 1);
  worker.messenger().put_back(std::move(message));
  expect_no_counter_went_back(before, samples_of("m5"));
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 10);
  EXPECT_EQ(value(samples_of("m5"), "coproc_worker_messages_total", "m5", kReceived), 1);
}

TEST(MetricsOfWorkers, CountersNeverGoBackOverAThousandRestarts) {
  Supervised worker{&tenfold, {.name = "m6"}, at_once()};
  worker.start();
  Samples before = samples_of("m6");
  EXPECT_EQ(value(before, "coproc_worker_restarts_total", "m6", ",reason=\"signal\""), 0);
  constexpr int kRestarts = 1000;
  for (int i = 0; i < kRestarts; ++i) {
    ASSERT_EQ(answer(worker, 1), 10);
    i % 2 == 0 ? worker.kill() : worker.messenger().send_norequest(kExits);
    ASSERT_THROW((void)worker.messenger().receive_blocking<int>(), WorkerDiedError);
    const Samples now = samples_of("m6");
    ASSERT_NO_FATAL_FAILURE(expect_no_counter_went_back(before, now)) << "at restart " << i;
    before = now;
  }
  EXPECT_EQ(value(before, "coproc_worker_starts_total", "m6"), kRestarts + 1);
  EXPECT_EQ(value(before, "coproc_worker_restarts_total", "m6", ",reason=\"signal\""), kRestarts / 2);
  EXPECT_EQ(value(before, "coproc_worker_restarts_total", "m6", ",reason=\"failure\""), kRestarts / 2);
  EXPECT_EQ(value(before, "coproc_worker_restarts_total", "m6", ",reason=\"exit\""), 0);
  EXPECT_EQ(value(before, "coproc_worker_messages_total", "m6", kSent), kRestarts + kRestarts / 2);
  EXPECT_EQ(value(before, "coproc_worker_messages_total", "m6", kReceived), kRestarts);
  EXPECT_GT(value(before, "coproc_worker_cpu_seconds_total", "m6").value_or(0), 0);
}

TEST(MetricsOfWorkers, CountersNeverGoBackOverManyWorkersOfOneName) {
  constexpr int kWorkers = 100;
  Samples before;
  for (int i = 0; i < kWorkers; ++i) {
    WorkerResource worker{&tenfold, {.name = "m7"}};
    worker.start();
    ASSERT_EQ(ask(worker, 1), 10);
    const Samples now = samples_of("m7");
    ASSERT_NO_FATAL_FAILURE(expect_no_counter_went_back(before, now)) << "at worker " << i;
    before = now;
  }
  const Samples end = samples_of("m7");
  expect_no_counter_went_back(before, end);
  EXPECT_EQ(value(end, "coproc_worker_starts_total", "m7"), kWorkers);
  EXPECT_EQ(value(end, "coproc_worker_messages_total", "m7", kReceived), kWorkers);
  EXPECT_EQ(value(end, "coproc_worker_starts_total", "m7", "", 1), std::nullopt);
}

TEST(MetricsOfWorkers, TheProcessorTimeOfAnEndedWorkerIsThatOfTheKernel) {
  double used = 0;
  {
    WorkerResource worker{+[](coproc::PriorityMessenger& host) {
                            volatile unsigned work = 0;
                            for (unsigned i = 0; i < 30'000'000; ++i) work = work + i;
                            host.send_norequest(1);
                          },
                          {.name = "m8"}};
    worker.start();
    const auto status = worker.join();
    used = std::chrono::duration<double>(status.resources.user_time + status.resources.system_time).count();
  }
  ASSERT_GT(used, 0);
  // No text was asked for while it lived.
  EXPECT_NEAR(value(samples_of("m8"), "coproc_worker_cpu_seconds_total", "m8").value_or(0), used, 1e-6);
}

TEST(MetricsOfWorkers, AnotherThreadAsksWhileMessagesGo) {
  WorkerResource worker{&tenfold, {.name = "m9"}};
  worker.start();
  std::atomic<bool> is_over{false};
  std::atomic<int> texts{0};
  std::thread asker([&] {
    Samples before;
    while (!is_over) {
      const Samples now = samples_of(Metrics().text({.of_system = false}), "m9");
      ASSERT_NO_FATAL_FAILURE(expect_no_counter_went_back(before, now));
      before = now;
      ++texts;
    }
  });
  constexpr int kLeast = 2000;
  int asked = 0;
  for (; (asked < kLeast || texts < 100) && !testing::Test::HasFailure(); ++asked) EXPECT_EQ(ask(worker, 1), 10);
  is_over = true;
  asker.join();
  EXPECT_EQ(value(samples_of("m9"), "coproc_worker_messages_total", "m9", kReceived), asked);
}

TEST(MetricsOfWorkers, AnotherThreadAsksWhileWorkersAreStartedForkedAndDestroyed) {
  std::atomic<bool> is_over{false};
  std::thread asker([&] {
    Samples before;
    while (!is_over) {
      const Samples now = samples_of(Metrics().text({.of_system = false}), "m11");
      ASSERT_NO_FATAL_FAILURE(expect_no_counter_went_back(before, now));
      before = now;
    }
  });
  constexpr int kWorkers = 200;
  for (int i = 0; i < kWorkers && !testing::Test::HasFailure(); ++i) {
    const auto method = i % 2 == 0 ? coproc::StartMethod::fork : coproc::StartMethod::fork_server;
    WorkerResource worker{&tenfold, {.method = method, .name = "m11"}};
    for (int start = 0; start < 2; ++start) {
      worker.start();
      EXPECT_EQ(ask(worker, 1), 10);
      worker.stop();
    }
  }
  is_over = true;
  asker.join();
  const Samples now = samples_of("m11");
  EXPECT_EQ(value(now, "coproc_worker_starts_total", "m11"), 2 * kWorkers);
  EXPECT_EQ(value(now, "coproc_worker_messages_total", "m11", kSent), 2 * kWorkers);
  EXPECT_EQ(value(now, "coproc_worker_messages_total", "m11", kReceived), 2 * kWorkers);
}

TEST(MetricsOfWorkers, AForkReportsNothingOfItsHost) {
  WorkerResource other{&tenfold, {.name = "m10, host's"}};
  other.start();
  WorkerResource worker{+[](coproc::PriorityMessenger& host) {
                          host.send_norequest(Metrics().text());
                          WorkerResource own{&tenfold, {.method = coproc::StartMethod::fork, .name = "m10, own"}};
                          own.start();
                          host.send_norequest(Metrics().text());
                        },
                        {.method = coproc::StartMethod::fork, .name = "m10, fork"}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "");
  const auto own = worker.messenger().receive_blocking<std::string>();
  EXPECT_EQ(own.find("host's"), std::string::npos);
  EXPECT_EQ(own.find("m10, fork"), std::string::npos);
  EXPECT_EQ(value(samples_of(own, "m10, own"), "coproc_worker_up", "m10, own"), 1);
  EXPECT_EQ(value(samples_of("m10, host's"), "coproc_worker_up", "m10, host's"), 1);
}

TEST(MetricsOfWorkers, AForkReportsNothingOfItsHostsRunOfAWorkerThatItCannotStart) {
  if (coproc::os::kHasSanitizer) GTEST_SKIP() << "a sanitizer checks the types of objects through a pipe of its own";
  WorkerResource worker{&tenfold, {.name = "m13"}};
  worker.start();
  worker.messenger().send_request(1);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 10);
  EXPECT_EQ(
      support::in_host([&]() -> std::string {
        const rlimit none{3, 3};
        ::setrlimit(RLIMIT_NOFILE, &none);
        try {
          worker.start();
          return "started";
        } catch (const std::exception&) {
          return "sent " +
                 std::to_string(value(samples_of("m13"), "coproc_worker_messages_total", "m13", kSent).value_or(-1));
        }
      }),
      "sent 0.000000");
}

namespace {

int half_of(int number) {
  if (number % 2 != 0) throw std::runtime_error("odd");
  return number / 2;
}

}  // namespace

TEST(MetricsOfPools, TasksAreCountedAndTheCountersOfAPoolStay) {
  Samples before;
  for (const int round : {1, 2}) {
    coproc::Pool pool({.workers = 2, .worker = {.name = "p1"}});
    for (int i = 0; i < 10; ++i) {
      auto result = pool.submit(&half_of, i);
      if (i % 2 == 0) {
        EXPECT_EQ(result.get(), i / 2);
      } else {
        EXPECT_THROW(result.get(), std::runtime_error);
      }
    }
    const Samples now = samples_of("p1");
    EXPECT_EQ(value(now, "coproc_pool_workers", "p1"), 2);
    EXPECT_EQ(value(now, "coproc_pool_queue_length", "p1"), 0);
    EXPECT_EQ(value(now, "coproc_pool_tasks_sent", "p1"), 0);
    EXPECT_EQ(value(now, "coproc_pool_tasks_total", "p1", ",state=\"succeeded\""), 5 * round);
    EXPECT_EQ(value(now, "coproc_pool_tasks_total", "p1", ",state=\"failed\""), 5 * round);
    EXPECT_EQ(value(now, "coproc_pool_worker_starts_total", "p1"), 2 * round);
    EXPECT_GT(value(now, "coproc_pool_task_seconds_total", "p1").value_or(0), 0);
    EXPECT_EQ(value(now, "coproc_worker_up", "p1", "", 1), 1);  // its workers are workers, too
    expect_no_counter_went_back(before, now);
    before = now;
  }
  const Samples end = samples_of("p1");
  expect_no_counter_went_back(before, end);
  EXPECT_EQ(value(end, "coproc_pool_workers", "p1"), std::nullopt);
}

TEST(MetricsOfPools, TheQueueIsSeenFromAnotherThread) {
  coproc::Pool pool({.workers = 1, .worker = {.name = "p2"}});
  std::atomic<double> most{0};
  std::atomic<bool> is_over{false};
  std::thread asker([&] {
    while (!is_over) {
      const Samples now = samples_of(Metrics().text({.of_system = false}), "p2");
      most = std::max<double>(most, value(now, "coproc_pool_queue_length", "p2").value_or(0));
    }
  });
  std::vector<coproc::Task<int>> results;
  while (most == 0) {  // until there are more than the worker's link holds
    for (int i = 0; i < 1000; ++i) results.push_back(pool.submit(&half_of, 2 * i));
    std::this_thread::sleep_for(1ms);  // whoever uses a pool all the time may keep its lock from others
  }
  for (auto& result : results) (void)result.get();
  is_over = true;
  asker.join();
  EXPECT_EQ(value(samples_of("p2"), "coproc_pool_queue_length", "p2"), 0);
}

TEST(Metrics, OpenMetricsEndsAndSaysItsType) {
  const std::string text = Metrics().text({.open = true});
  EXPECT_TRUE(text.ends_with("# EOF\n"));
  EXPECT_THAT(std::string(Metrics::content_type({.open = true})), testing::HasSubstr("application/openmetrics-text"));
  EXPECT_THAT(std::string(Metrics::content_type()), testing::HasSubstr("version=0.0.4"));
}
