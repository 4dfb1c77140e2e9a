// What coproc::Trace records of real workers. That its file obeys the schema of the format is tried in
// python/tests/test_trace.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/trace.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scenario/lives.hpp"
#include "support/limit.hpp"
#include "support/temporary_file.hpp"

using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::Trace;
using coproc::TraceSummary;
using coproc::WorkerResource;
using testing::HasSubstr;
using testing::Not;

namespace {

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

/// Answers until it is asked to close.
void doubles(PriorityMessenger& host) {
  for (;;) {
    const int value = host.receive_blocking<int>();
    const coproc::Span span("double");
    host.send_reply(2 * value);
  }
}

using Doubler = decltype(WorkerResource{doubles});

template <class Worker>
void ask(Worker& worker, int times) {
  for (int i = 0; i < times; ++i) {
    const coproc::Span span("ask");
    ASSERT_EQ(worker.messenger().template receive_reply<int>(worker.messenger().send_request(i)), 2 * i);
  }
}

class TraceOf : public testing::TestWithParam<StartMethod> {};

TEST_P(TraceOf, AThousandRequestsHasAThousandArrows) {
  const support::TemporaryFile file;
  Trace trace(file.path());
  WorkerResource worker{doubles, {.method = GetParam(), .name = "doubler"}};
  worker.start();
  const int pid = worker.pid();
  ask(worker, 1000);
  EXPECT_EQ(trace.finish().arrows, 1000U);
  const TraceSummary summary = trace.finish();
  EXPECT_EQ(summary.overwritten, 0U);
  EXPECT_EQ(summary.left_out, 0U);
  const std::string text = file.text();
  EXPECT_EQ(count(text, R"({"ph":"s",)"), 1000U);
  EXPECT_EQ(count(text, R"({"ph":"t",)"), 2000U);
  EXPECT_EQ(count(text, R"({"ph":"f",)"), 1000U);
  EXPECT_EQ(count(text, R"("name":"double")"), 1000U);
  EXPECT_EQ(count(text, R"("name":"ask")"), 1000U);
  EXPECT_THAT(text, HasSubstr(R"({"ph":"M","name":"process_name","pid":)" + std::to_string(pid) +
                              R"(,"tid":0,"args":{"name":"doubler"}})"));
  ask(worker, 1);  // the worker goes on without the trace
}

INSTANTIATE_TEST_SUITE_P(ByMethods, TraceOf,
                         testing::Values(StartMethod::fork_server, StartMethod::fork, StartMethod::spawn));

TEST(Trace, IsReadBeforeTheHostOverwritesAnything) {
  const support::TemporaryFile file;
  Trace trace(file.path(), {.events = 64});
  WorkerResource worker{doubles};
  worker.start();
  ask(worker, 2000);
  const TraceSummary summary = trace.finish();
  EXPECT_GE(summary.arrows, 1999U);
  EXPECT_EQ(count(file.text(), R"("name":"ask")"), 2000U);
}

void notes_much(PriorityMessenger& host) {
  for (int i = 0; i < 1000; ++i) coproc::mark("much");
  host.send_norequest(1);
  (void)host.receive_blocking<int>();
}

TEST(Trace, SaysHowMuchWasOverwritten) {
  const support::TemporaryFile file;
  Trace trace(file.path(), {.events = 64});
  WorkerResource worker{notes_much, {.name = "much"}};
  worker.start();
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  const TraceSummary summary = trace.finish();
  EXPECT_GE(summary.overwritten, 1000U - 64U);
  EXPECT_THAT(file.text(), HasSubstr("\"overwritten_events\":" + std::to_string(summary.overwritten)));
  EXPECT_THAT(file.text(), HasSubstr(" events overwritten\""));
}

TEST(Trace, KeepsNoMoreThanItMay_AndSaysSo) {
  const support::TemporaryFile file;
  Trace trace(file.path(), {.most_events = 100});
  for (int i = 0; i < 150; ++i) coproc::mark("again");
  const TraceSummary summary = trace.finish();
  EXPECT_EQ(summary.events, 100U);
  EXPECT_EQ(summary.left_out, 50U);
  EXPECT_THAT(file.text(), HasSubstr("\"left_out_events\":50"));
}

void answers_in_parts(PriorityMessenger& host) {
  const coproc::Message request = host.receive_blocking();
  for (int i = 0; i < 5; ++i) host.reply_part_to(request, i);
  host.end_reply_to(request);
}

TEST(Trace, AStreamHasOneArrow_FromItsRequestToItsEnd) {
  const support::TemporaryFile file;
  Trace trace(file.path());
  WorkerResource worker{answers_in_parts};
  worker.start();
  int sum = 0;
  for (const int part : worker.messenger().stream<int>(std::string("go"))) sum += part;
  EXPECT_EQ(sum, 10);
  worker.join();
  EXPECT_EQ(trace.finish().arrows, 1U);
  const std::string text = file.text();
  EXPECT_EQ(count(text, R"({"ph":"t",)"), 2U);
  EXPECT_EQ(count(text, R"({"ph":"f",)"), 1U);
}

void dies(PriorityMessenger& host) {
  (void)host.receive_blocking<int>();
  const coproc::Span span("fatal");
  ::raise(SIGKILL);
}

TEST(Trace, HoldsWhatDeadWorkersDid) {
  const support::TemporaryFile file;
  {
    const Trace trace(file.path());
    WorkerResource worker{dies};
    for (int i = 0; i < 3; ++i) {
      worker.start();
      worker.messenger().send_request(1);
      EXPECT_EQ(worker.join().last_events.back().name, "fatal");
    }
  }
  const std::string text = file.text();
  EXPECT_EQ(count(text, R"("name":"fatal")"), 3U);
  EXPECT_EQ(count(text, R"("args":{"unfinished":true})"), 3U);
  EXPECT_EQ(count(text, R"({"ph":"s",)"), 3U);  // to where they were received
}

TEST(Trace, ThereIsOneAtATime) {
  const support::TemporaryFile file, other;
  {
    const Trace trace(file.path());
    EXPECT_THROW(Trace{other.path()}, coproc::InvalidArgumentError);
  }
  EXPECT_NO_THROW(Trace{other.path()});
  EXPECT_THROW((Trace{other.path(), {.events = 0}}), coproc::InvalidArgumentError);
}

TEST(Trace, AFileThatCannotBeWrittenIsAnError_AndCanBeWrittenLater) {
  const support::TemporaryFile file;
  const std::string directory = file.path() + ".d";
  Trace trace(directory + "/run.json");
  coproc::mark("kept");
  EXPECT_THROW(trace.finish(), coproc::Error);
  ASSERT_EQ(::mkdir(directory.c_str(), 0700), 0);
  EXPECT_EQ(trace.finish().events, 1U);
  ::unlink((directory + "/run.json").c_str());
  ::rmdir(directory.c_str());
}

TEST(Trace, DoesNothingInAForkedProcess) {
  const support::TemporaryFile file;
  Trace trace(file.path());
  coproc::mark("of the parent");
  const pid_t child = ::fork();
  if (child == 0) {
    coproc::mark("of the child");
    const bool is_nothing = trace.finish() == TraceSummary{};
    ::_exit(is_nothing ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(file.text(), "");
  EXPECT_EQ(trace.finish().events, 1U);
  EXPECT_THAT(file.text(), Not(HasSubstr("of the child")));
}

TEST(Trace, AnotherOneDoesNotReadTheWorkersOfTheFirst) {
  const support::TemporaryFile file, other;
  std::vector<std::unique_ptr<Doubler>> workers;
  {
    const Trace first(file.path());
    for (int i = 0; i < 5; ++i) {
      workers.push_back(std::make_unique<Doubler>(doubles));
      workers.back()->start();
    }
  }
  Trace second(other.path());
  for (const auto& worker : workers) ask(*worker, 600);  // more than half of what the host's end keeps
  workers.clear();
  EXPECT_EQ(second.finish().events, 2U * 600U * 5U);  // the spans of this process
}

TEST(Trace, AForkedProcessCanHaveOneOfItsOwn) {
  const support::TemporaryFile file, of_child;
  Trace trace(file.path());
  auto worker = std::make_unique<Doubler>(doubles);
  worker->start();
  const pid_t child = ::fork();
  if (child == 0) {
    Trace own(of_child.path());
    coproc::mark("of the child");
    worker.reset();
    ::_exit(own.finish().events == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ask(*worker, 3);
  EXPECT_EQ(trace.finish().arrows, 3U);
}

void goes_on_and_on(PriorityMessenger& host) {
  for (int i = 0; i < 1000; ++i) coproc::mark("name " + std::to_string(i % 250));
  host.send_norequest(1);
  (void)host.receive_blocking<int>();
}

TEST(Trace, NoWorkerTakesAllTheRoom) {
  const support::TemporaryFile file;
  Trace trace(file.path(), {.most_events = 400});
  WorkerResource much{goes_on_and_on}, little{doubles};
  much.start();
  little.start();
  EXPECT_EQ(much.messenger().receive_blocking<int>(), 1);
  trace.collect();
  ask(little, 10);
  const TraceSummary summary = trace.finish();
  EXPECT_EQ(summary.arrows, 10U);
  EXPECT_GT(summary.left_out, 700U);
  EXPECT_EQ(count(file.text(), R"({"ph":"i",)"), 200U);
}

TEST(Trace, StartsWhereFilesMayNotBeLarge) {
  const support::TemporaryFile file;
  Trace trace(file.path(), {.events = 1 << 20});  // 64 MiB for a link
  const coproc::WorkerOptions options{.method = StartMethod::fork, .link = {.ring_bytes = 64 * 1024}};
  WorkerResource some{doubles, options}, none{doubles, options};
  {
    const support::Limit small(RLIMIT_FSIZE, 16 << 20);
    some.start();
  }
  {
    const support::Limit smaller(RLIMIT_FSIZE, 140 * 1024);  // for the rings alone
    none.start();
  }
  ask(some, 3);
  ask(none, 3);
  EXPECT_EQ(trace.finish().arrows, 3U);
}

TEST(Trace, ARequestThatIsSentAgainHasAnArrow) {
  const support::TemporaryFile file;
  Trace trace(file.path());
  Lives worker({[](PriorityMessenger& host, Shared&) {
                  (void)host.receive_blocking<int>();
                  die();
                },
                [](PriorityMessenger& host, Shared&) { doubles(host); }});
  EXPECT_EQ(worker.messenger().receive_reply<int>(worker.messenger().send_request(4)), 8);
  EXPECT_EQ(trace.finish().arrows, 2U);
  EXPECT_EQ(count(file.text(), R"("name":"send request )"), 2U);
}

TEST(Trace, WithoutOneNothingIsNoted) {
  WorkerResource worker{doubles};
  worker.start();
  ask(worker, 3);
  EXPECT_TRUE(worker.stop().last_events.empty());
}

}  // namespace
