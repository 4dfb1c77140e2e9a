// A Monitor of real processes: what it sees, what it leaves out, and what it leaves behind however its host ends.
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <coproc/coproc.hpp>
#include <coproc/monitor.hpp>

#include <chrono>
#include <cmath>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/descendants.hpp"
#include "support/process.hpp"
#include "support/temporary_file.hpp"

using coproc::Monitor;
using coproc::MonitorResult;
using coproc::PriorityMessenger;
using coproc::ProcessSeries;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMuch = 100 * 1024 * 1024;

/// Takes 100 MiB when it is asked to.
void take_much(PriorityMessenger& host) {
  while (true) {
    (void)host.receive_blocking();
    void* const memory = ::mmap(nullptr, kMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(memory, 1, kMuch);
    host.send_reply(0);
  }
}

/// Has a child until it is asked to end.
void have_child(PriorityMessenger& host) {
  const pid_t child = support::fork_that_lives([] {});
  host.send_norequest(int{child});
  (void)host.receive_blocking();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

const ProcessSeries* with_pid(const MonitorResult& result, int pid) {
  for (const ProcessSeries& series : result.processes) {
    if (series.pid == pid) return &series;
  }
  return nullptr;
}

/// A file with this end of its name.
class ResultFile {
 public:
  explicit ResultFile(const std::string& end) : path_(unique_.path() + end) {}
  ResultFile(const ResultFile&) = delete;
  ResultFile& operator=(const ResultFile&) = delete;
  ~ResultFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }
  std::string text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  support::TemporaryFile unique_;
  std::string path_;
};

TEST(Monitor, TheCurveOfAWorkerThatTakes100MiBIsRightWithin2Percent) {
  coproc::WorkerResource worker{&take_much};
  worker.start();
  Monitor monitor;
  worker.messenger().send_request(0);
  worker.messenger().receive_blocking();
  const MonitorResult result = monitor.result();
  const ProcessSeries* const series = with_pid(result, worker.pid());
  ASSERT_NE(series, nullptr);
  const double taken = static_cast<double>(series->samples.back().private_bytes()) -
                       static_cast<double>(series->samples.front().private_bytes());
  EXPECT_LT(std::abs(taken - kMuch), 0.02 * kMuch);
  EXPECT_GE(series->peak_bytes, kMuch);
  EXPECT_GE(result.peak_bytes, kMuch);
}

TEST(Monitor, NotesStandWhereTheyWereMade) {
  coproc::WorkerResource worker{&take_much};
  worker.start();
  Monitor monitor({.pid = worker.pid(), .interval = 1ms});
  monitor.label("before", "with details");
  worker.messenger().send_request(0);
  worker.messenger().receive_blocking();
  monitor.log("after");
  const MonitorResult result = monitor.result();
  ASSERT_EQ(result.notes.size(), 2u);
  const auto &before = result.notes[0], &after = result.notes[1];
  EXPECT_EQ(before.text, "before");
  EXPECT_EQ(before.details, "with details");
  EXPECT_TRUE(before.label);
  EXPECT_FALSE(after.label);
  ASSERT_EQ(result.processes.front().pid, worker.pid());
  const auto& samples = result.processes.front().samples;
  const std::uint64_t half = samples.front().resident_bytes + kMuch / 2;  // with a sanitizer, it begins with more
  EXPECT_LT(before.resident_bytes, half);
  EXPECT_GE(after.resident_bytes, half);
  EXPECT_LT(samples.front().time, before.time);
  EXPECT_GT(samples.back().time, after.time);
  for (const auto& sample : samples) {
    if (sample.time < before.time) {
      EXPECT_LT(sample.resident_bytes, half);
    } else if (sample.time > after.time) {
      EXPECT_GE(sample.resident_bytes, half);
    }
  }
}

TEST(Monitor, FindsTheChildOfAChild) {
  coproc::WorkerResource worker{&have_child};
  Monitor monitor;
  worker.start();
  const int child = worker.messenger().receive_blocking<int>();
  const MonitorResult result = monitor.result();
  ASSERT_NE(with_pid(result, child), nullptr);
  EXPECT_EQ(with_pid(result, child)->parent, worker.pid());
  ASSERT_NE(with_pid(result, worker.pid()), nullptr);
  worker.messenger().send_norequest(0);
  worker.join();
}

/// How often a process has waited.
long waits_of(int pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("voluntary_ctxt_switches:")) return std::stol(line.substr(24));
  }
  return -1;
}

TEST(Monitor, FindsAChildThatNobodyToldItOfAndThatEndsBeforeTheResult) {
  Monitor monitor({.interval = 5ms});
  const pid_t child = ::fork();
  while (child == 0) ::pause();
  // Between two of its waits it takes a sample.
  const long waits = waits_of(monitor.pid());
  while (waits_of(monitor.pid()) < waits + 3) std::this_thread::sleep_for(1ms);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const MonitorResult result = monitor.result();
  ASSERT_NE(with_pid(result, child), nullptr);
  EXPECT_TRUE(with_pid(result, child)->has_ended);
}

TEST(Monitor, LeavesItselfOut) {
  Monitor monitor;
  const MonitorResult result = monitor.result();
  EXPECT_EQ(result.processes.front().pid, ::getpid());
  EXPECT_EQ(with_pid(result, monitor.pid()), nullptr);
}

TEST(Monitor, KeepsAtMostSoManySamples) {
  Monitor monitor({.interval = 1h, .samples = 16});
  for (int i = 0; i < 100; ++i) (void)monitor.result();
  const auto samples = monitor.result().processes.front().samples.size();
  EXPECT_LE(samples, 16u);
  EXPECT_GE(samples, 8u);
}

TEST(Monitor, StartsNoThreadInItsHost) {
  const auto threads = support::count_threads();
  Monitor monitor;
  EXPECT_EQ(support::count_threads(), threads);
}

TEST(Monitor, ThreadsMayMakeNotes) {
  Monitor monitor;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) monitor.log("note");
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto notes = monitor.result().notes;
  EXPECT_EQ(notes.size(), 200u);
  EXPECT_TRUE(std::is_sorted(notes.begin(), notes.end(), [](auto& a, auto& b) { return a.time < b.time; }));
}

TEST(Monitor, WritesNotesIntoTheLogAsTheyCome) {
  const support::TemporaryFile log;
  Monitor monitor({.log = log.path()});
  monitor.log("loaded", "12 files");
  monitor.note("not this one", {}, {.log = false});
  (void)monitor.result();
  EXPECT_THAT(log.text(), EndsWith("/: loaded; details='12 files'\n"));
}

TEST(Monitor, PrintsOnTheStandardOutputOfItsHost) {
  ::testing::internal::CaptureStdout();
  {
    Monitor monitor;
    monitor.print("here");
  }
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), EndsWith("/: here\n"));
}

TEST(Monitor, WritesItsFileWhenItIsClosedAndOnlyOnce) {
  const ResultFile file(".svg");
  Monitor monitor({.save_at_end = file.path()});
  monitor.label("a mark");
  monitor.close();
  EXPECT_THAT(file.text(), HasSubstr("a mark"));
  EXPECT_THAT(file.text(), EndsWith("</svg>\n"));
  ::unlink(file.path().c_str());
  monitor.close();
  EXPECT_EQ(file.text(), "");
  EXPECT_THROW(monitor.log("too late"), coproc::LinkClosedError);
}

TEST(Monitor, SaysWhyItsFileCouldNotBeWritten) {
  Monitor monitor({.save_at_end = "/nowhere/run.csv"});
  try {
    monitor.close();
    ADD_FAILURE() << "no error";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/run.csv"));
  }
}

TEST(Monitor, SaysWhatItCannotDoBeforeItBegins) {
  EXPECT_THROW(Monitor({.save_at_end = "run.png"}), coproc::InvalidArgumentError);
  EXPECT_THROW(Monitor({.log = "/nowhere/log"}), std::system_error);
}

TEST(Monitor, MovesAndEndsTheOneThatIsAssignedTo) {
  const ResultFile first(".csv"), second(".csv");
  Monitor monitor({.save_at_end = first.path()});
  monitor = Monitor({.save_at_end = second.path()});
  EXPECT_THAT(first.text(), HasSubstr("sample,"));
  EXPECT_EQ(second.text(), "");
  Monitor other = std::move(monitor);
  other.close();
  EXPECT_THAT(second.text(), HasSubstr("sample,"));
}

/// Makes a host with a Monitor, lets it end in this way, and returns what the file then holds.
template <class End>
std::string file_after(End end) {
  const ResultFile file(".csv");
  const support::Orphans orphans;
  const support::Pipe ready;
  {
    support::Host host([&] {
      Monitor monitor({.save_at_end = file.path()});
      monitor.label("the last words");
      ready.write('x');
      end();
      support::sleep_for_ever();
    });
    ready.read<char>();
    if constexpr (std::is_same_v<End, void (*)()>) support::end_of(host.pid());
  }
  support::Orphans::wait_for_all();
  return file.text();
}

void throw_one() { throw std::runtime_error("thrown by the test"); }
void exit_at_once() { ::_exit(3); }
void abort_at_once() { ::raise(SIGABRT); }

TEST(Monitor, WritesItsFileWhenAnExceptionLeavesItsScope) {
  EXPECT_THAT(file_after(&throw_one), HasSubstr("the last words"));
}
TEST(Monitor, WritesItsFileWhenItsHostExitsWithoutDestructors) {
  EXPECT_THAT(file_after(&exit_at_once), HasSubstr("the last words"));
}
TEST(Monitor, WritesItsFileWhenItsHostCrashes) { EXPECT_THAT(file_after(&abort_at_once), HasSubstr("the last words")); }
TEST(Monitor, WritesItsFileWhenItsHostIsKilled) {
  EXPECT_THAT(file_after([] {}), HasSubstr("the last words"));  // by the destructor of support::Host: SIGKILL
}

}  // namespace
