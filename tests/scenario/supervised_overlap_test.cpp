// Workers that make place when the next one already runs.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <coproc/coproc.hpp>
#include <coproc/supervisor.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "scenario/supervised_worker.hpp"
#include "support/temporary_file.hpp"

using namespace std::chrono_literals;
using coproc::Pending;
using coproc::PriorityMessenger;
using coproc::RestartOptions;
using coproc::RestartReason;
using coproc::Supervised;
using support::TemporaryFile;
using testing::HasSubstr;

namespace {

std::int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

RestartOptions overlapped(std::uint64_t requests) {
  RestartOptions options = at_once();
  options.recycle = {.requests = requests, .spread = 0, .overlap = true};
  return options;
}

/// Notes its pid in this file. Then it answers when it began, and says when it has ended.
void tell_times(PriorityMessenger& host, std::string path) {
  const std::int64_t begin = now();
  std::ofstream(path, std::ios::app) << ::getpid() << '\n';
  try {
    for (;;) {
      host.receive_blocking<int>();
      host.send_reply(begin);
    }
  } catch (const coproc::EndOfMessages&) {
    host.send_norequest(now());
  }
}

using Teller = Supervised<void (*)(PriorityMessenger&, std::string)>;

std::vector<int> pids_in(const std::string& path) {
  std::ifstream in(path);
  std::vector<int> pids;
  for (int pid; in >> pid;) pids.push_back(pid);
  return pids;
}

std::int64_t ask(Teller& worker) {
  return worker.messenger().receive_reply<std::int64_t>(worker.messenger().send_request(0));
}

bool is_there(int pid) { return ::kill(pid, 0) == 0; }

/// Makes calls until the next worker runs, and returns its pid. It may be the present one by then.
int wait_for_next(Teller& worker, const TemporaryFile& file) {
  const int present = worker.pid();
  (void)ask(worker);
  while (pids_in(file.path()).size() < 2) (void)worker.messenger().receive_for<std::int64_t>(1ms);
  const std::vector<int> pids = pids_in(file.path());
  return pids[0] == present ? pids[1] : pids[0];
}

/// Kills the worker, and receives until there is another one. Returns whether a receive has told of the death. It has
/// not if the worker had been told to make place, and had done so.
bool is_told_of_death(Teller& worker) {
  worker.kill();
  wait_for_end(worker);
  try {
    while (worker.history().empty()) (void)worker.messenger().receive_for<std::int64_t>(1ms);
    return false;
  } catch (const coproc::WorkerDiedError&) {
    return true;
  }
}

}  // namespace

/// Ends only when another worker has noted itself after it.
void outlast(PriorityMessenger& host, std::string path) {
  std::ofstream(path, std::ios::app) << ::getpid() << '\n';
  try {
    for (;;) {
      host.receive_blocking<int>();
      host.send_reply(std::int64_t{1});
    }
  } catch (const coproc::EndOfMessages&) {
    while (pids_in(path).back() == ::getpid()) std::this_thread::sleep_for(1ms);
  }
}

TEST(SupervisedOverlap, TheNextOneBeginsBeforeThePresentOneEnds) {
  const TemporaryFile file;
  Teller worker{&outlast, {}, overlapped(3)};
  worker.start(file.path());
  while (worker.history().size() < 5) (void)ask(worker);
  for (const coproc::Restart& restart : worker.history()) EXPECT_EQ(restart.reason, RestartReason::recycled);
  EXPECT_EQ(worker.history().back().pid, worker.pid());
  worker.kill();
}

TEST(SupervisedOverlap, NothingIsLostAndNothingFails) {
  const TemporaryFile file;
  Teller worker{&tell_times, {}, overlapped(7)};
  worker.start(file.path());
  std::vector<coproc::RequestId> sent;
  while (worker.history().size() < 10) {
    for (int i = 0; i < 20; ++i) sent.push_back(worker.messenger().send_request(0));
    for (const coproc::RequestId id : sent) EXPECT_GT(worker.messenger().receive_reply<std::int64_t>(id), 0);
    sent.clear();
  }
  for (std::size_t i = worker.history().size(); i != 0; --i) (void)worker.messenger().receive_blocking<std::int64_t>();
}

TEST(SupervisedOverlap, IsThereByEachMethodThatMakesANewProcess) {
  for (const auto method : {coproc::StartMethod::fork_server, coproc::StartMethod::spawn}) {
    const TemporaryFile file;
    Teller worker{&tell_times, {.method = method}, overlapped(1)};
    worker.start(file.path());
    const int first = worker.pid();
    const int next = wait_for_next(worker, file);
    while (worker.history().empty()) (void)ask(worker);
    EXPECT_EQ(worker.history().front().pid_before, first);
    EXPECT_EQ(worker.history().front().pid, next);
  }
}

/// A fork has this process's memory as it is when the one before has ended.
TEST(SupervisedOverlap, AForkIsMadeAfterTheEnd) {
  const TemporaryFile file;
  Teller worker{&tell_times, {.method = coproc::StartMethod::fork}, overlapped(3)};
  worker.start(file.path());
  std::int64_t began = 0;
  while (worker.history().empty()) began = ask(worker);
  EXPECT_GT(began, worker.messenger().receive_blocking<std::int64_t>());
}

void add_up(PriorityMessenger& host) {
  int sum = coproc::this_worker::restored<int>().value_or(0);
  for (;;) {
    sum += host.receive_blocking<int>();
    host.save_and_reply(sum, sum);
  }
}

TEST(SupervisedOverlap, AStateIsNeverOlderThanItsWorker) {
  Supervised worker{&add_up, {}, overlapped(10)};
  worker.start();
  for (int i = 1; i <= 200; ++i) ASSERT_EQ(answer(worker, 1), i);
  EXPECT_GE(worker.history().back().number, 15U);
}

TEST(SupervisedOverlap, TheStopAlsoEndsTheNextOne) {
  const TemporaryFile file;
  Teller worker{&tell_times, {}, overlapped(1)};
  worker.start(file.path());
  const int next = wait_for_next(worker, file);
  EXPECT_TRUE(worker.stop().success());
  while (is_there(next)) std::this_thread::sleep_for(1ms);
  worker.start(file.path());
  EXPECT_GT(ask(worker), 0);
}

TEST(SupervisedOverlap, TheNextOneTakesThePlaceOfOneThatDies) {
  for (auto reason = RestartReason::recycled; reason != RestartReason::its_end;) {  // until it has died first
    const TemporaryFile file;
    Teller worker{&tell_times, {}, overlapped(1)};
    worker.start(file.path());
    const int next = wait_for_next(worker, file);
    if (worker.pid() == next) continue;
    (void)is_told_of_death(worker);
    EXPECT_EQ(worker.pid(), next);
    reason = worker.history().back().reason;
    EXPECT_GT(ask(worker), 0);
  }
}

TEST(SupervisedOverlap, ANextOneThatHasDiedIsReplaced) {
  const TemporaryFile file;
  RestartOptions options = overlapped(1000);
  options.recycle.requests = 2;
  options.pending = Pending::resend;
  Teller worker{&tell_times, {}, options};
  worker.start(file.path());
  (void)ask(worker);
  const int next = wait_for_next(worker, file);
  ::kill(next, SIGKILL);
  for (int i = 0; i < 50; ++i) EXPECT_GT(ask(worker), 0);
  EXPECT_NE(worker.pid(), next);
}

TEST(SupervisedOverlap, OneThatCannotBeStartedIsNotedWhenItsTurnHasCome) {
  const TemporaryFile file;
  const std::string place = file.path() + ".directory";
  std::filesystem::create_directory(place);
  RestartOptions options = overlapped(2);
  options.most = 1;
  Teller worker{&tell_times, {.working_directory = place}, options};
  worker.start(file.path());
  std::filesystem::remove(place);
  try {
    for (;;) (void)ask(worker);
  } catch (const coproc::RestartLimitError& error) {
    EXPECT_THAT(error.what(), HasSubstr(place));
  }
  EXPECT_EQ(pids_in(file.path()).size(), 1U);
}

/// It may have been made to work with the ones that have ended.
TEST(SupervisedOverlap, ANextOneIsNotUsedWhenOthersAreStartedAnew) {
  const TemporaryFile file;
  coproc::Supervisor group({.strategy = coproc::Strategy::one_for_all, .most = 1000});
  auto& store = group.add(Supervised(&tenfold, {}, at_once()));
  auto& worker = group.add(Teller(&tell_times, {}, overlapped(1)), file.path());
  group.start();
  const int next = wait_for_next(worker, file);
  store.kill();
  EXPECT_THROW((void)store.messenger().receive_blocking(), coproc::WorkerDiedError);
  EXPECT_NE(worker.pid(), next);
  while (is_there(next)) std::this_thread::sleep_for(1ms);
  EXPECT_GT(ask(worker), 0);
}

TEST(SupervisedOverlap, OneThatIsNeverStartedAgainTakesTheNextOneWithIt) {
  const TemporaryFile file;
  RestartOptions options = overlapped(1);
  options.when = coproc::RestartWhen::never;
  Teller worker{&tell_times, {}, options};
  worker.start(file.path());
  const int next = wait_for_next(worker, file);
  worker.kill();
  wait_for_end(worker);
  EXPECT_THROW(for (;;)(void) worker.messenger().receive_blocking<std::int64_t>(), coproc::WorkerDiedError);
  if (worker.pid() == next) GTEST_SKIP() << "it had made place before";
  while (is_there(next)) std::this_thread::sleep_for(1ms);
}

/// All that it may depend on is started anew, and it after them.
TEST(SupervisedOverlap, ANextOneIsNotUsedWhenItsOwnEndStartsTheOthersAnew) {
  const TemporaryFile file;
  coproc::Supervisor group({.strategy = coproc::Strategy::one_for_all, .most = 1000});
  auto& store = group.add(Supervised(&tenfold, {}, at_once()));
  auto& worker = group.add(Teller(&tell_times, {}, overlapped(1)), file.path());
  group.start();
  const int next = wait_for_next(worker, file);
  if (worker.pid() == next) GTEST_SKIP() << "it had made place before";
  if (is_told_of_death(worker)) {
    EXPECT_NE(worker.pid(), next);
    while (is_there(next)) std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(answer(store, 4), 40);
}

/// Notes its pid in this file, and has 100 MB until it has answered once.
void swell(PriorityMessenger& host, std::string path) {
  std::ofstream(path, std::ios::app) << ::getpid() << '\n';
  std::string much(100'000'000, 'x');
  for (;;) {
    host.receive_blocking<int>();
    host.send_reply(static_cast<std::int64_t>(much.size()));
    much = std::string();
  }
}

TEST(SupervisedOverlap, WhatWasBegunIsDoneAlsoIfTheReasonIsGone) {
  const TemporaryFile file;
  RestartOptions options = at_once();
  options.recycle = {.memory = 60'000'000, .spread = 0, .overlap = true};
  Teller worker{&swell, {}, options};
  worker.start(file.path());
  while (worker.history().empty()) (void)ask(worker);
  EXPECT_EQ(worker.history().front().reason, RestartReason::recycled);
}
