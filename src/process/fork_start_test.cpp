#include "process/fork_start.hpp"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "os/file.hpp"
#include "os/process_state.hpp"
#include "process/worker_for_test.hpp"

using namespace coproc;
using namespace coproc::process;
using namespace coproc::process::testing;

namespace {

std::string read_file(const char* path) {
  std::string text;
  std::FILE* const file = std::fopen(path, "re");
  if (file == nullptr) return "(no file)";
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

class TemporaryFile {
 public:
  TemporaryFile() { os::Fd made(::mkstemp(path_.data())); }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_ = ::testing::TempDir() + "coproc-fork-start-test-XXXXXX";
};

/// Counts the calls of the handlers below in processes other than the test's.
int handlers_fd = -1;
void handler_of_the_host() {
  if (handlers_fd >= 0) (void)!::write(handlers_fd, "handler of the host\n", 20);
}
struct StaticOfTheHost {
  ~StaticOfTheHost() { handler_of_the_host(); }
};
void register_handlers_of_the_host() {
  static const int registered = std::atexit(&handler_of_the_host);
  static const StaticOfTheHost object;
  (void)registered;
}

TEST(ForkStart, EndsWithTheCodeOfItsBody) {
  for (const int code : {0, 1, 42, 255}) {
    Child child = start([&] { return code; });
    EXPECT_EQ(end_of(child).code(), code);
  }
}

TEST(ForkStart, NothingUnwindsIntoTheHost) {
  WorkerOptions options;
  options.stderr_ = DevNull{};
  Child thrower = start([]() -> int { throw std::runtime_error("for the test"); }, options);
  EXPECT_EQ(end_of(thrower).code(), 1);
  Child odd = start([]() -> int { throw 7; }, options);
  EXPECT_EQ(end_of(odd).code(), 1);
  Child quitter = start([]() -> int { ::pthread_exit(nullptr); }, options);
  EXPECT_EQ(end_of(quitter).code(), 1);
}

TEST(ForkStart, TheHostsHandlersDoNotRunInTheWorker) {
  register_handlers_of_the_host();
  for (const bool calls_exit : {false, true}) {
    Report report;
    Child child = start([&] {
      handlers_fd = report.pipe().write_end.get();
      if (calls_exit) std::exit(5);
      return 5;
    });
    EXPECT_EQ(report.read_to_end(), "");
    EXPECT_EQ(end_of(child).code(), 5);
  }
}

TEST(ForkStart, WhatTheWorkerRegistersDoesRun) {
  Report report;
  Child child = start([&]() -> int {
    handlers_fd = report.pipe().write_end.get();
    std::atexit(&handler_of_the_host);
    std::exit(0);
  });
  EXPECT_EQ(report.read_to_end(), "handler of the host\n");
  EXPECT_EQ(end_of(child).code(), 0);
}

/// A host whose stdout is a file, and so fully buffered.
void print_as_host_and_worker(const char* path, bool worker_calls_exit) {
  WorkerOptions host;
  host.stdout_ = OutputFile{path};
  Child child = start(
      [&] {
        std::setvbuf(stdout, nullptr, _IOFBF, 4096);
        std::printf("host ");
        std::cout << "before ";
        Child worker = start([&] {
          std::printf("worker ");
          std::cout << "inside ";
          if (worker_calls_exit) std::exit(0);
          return 0;
        });
        end_of(worker);
        std::cout << "host after\n";
        return 0;
      },
      host);
  EXPECT_EQ(end_of(child).code(), 0);
}

TEST(ForkStart, NothingIsPrintedTwiceOrLost) {
  for (const bool worker_calls_exit : {false, true}) {
    const TemporaryFile file;
    print_as_host_and_worker(file.path(), worker_calls_exit);
    EXPECT_EQ(read_file(file.path()), "host before worker inside host after\n");
  }
}

TEST(ForkStart, SignalsAreResetAndCtrlCDoesNotKill) {
  ::signal(SIGUSR1, [](int) {});
  const Report gate;
  Child child = start([&] {
    struct sigaction action {};
    ::sigaction(SIGUSR1, nullptr, &action);
    if (action.sa_handler != SIG_DFL) return 1;
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    if (sigismember(&mask, SIGTERM) != 0 || sigismember(&mask, SIGUSR1) != 0) return 2;
    ::raise(SIGINT);
    wait_readable(gate.pipe().read_end.get());
    return 0;
  });
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);  // the host's own mask is as it was
  EXPECT_TRUE(child.signal(SIGINT));
  gate.write("x");
  EXPECT_EQ(end_of(child).code(), 0);
  ::signal(SIGUSR1, SIG_DFL);
}

TEST(ForkStart, StandardStreamsLeadWhereTheyShall) {
  const TemporaryFile file;
  const Report report;
  WorkerOptions options;
  options.stdin_ = DevNull{};
  options.stdout_ = OutputFile{file.path(), false};
  options.stderr_ = FileDescriptor{report.pipe().write_end.get()};
  Child child = start(
      [] {
        if (std::getchar() != EOF) return 1;
        std::printf("out");
        std::fprintf(stderr, "e");
        return 0;
      },
      options);
  EXPECT_EQ(report.read<char>(), 'e');
  EXPECT_EQ(end_of(child).code(), 0);
  EXPECT_EQ(read_file(file.path()), "out");
  options.stdout_ = OutputFile{file.path()};  // appends
  Child again = start([] { return std::printf("put") == 3 ? 0 : 1; }, options);
  EXPECT_EQ(end_of(again).code(), 0);
  EXPECT_EQ(read_file(file.path()), "output");
}

TEST(ForkStart, StandardStreamsMayNameEachOther) {
  Report out;
  Report error;
  WorkerOptions outer;
  outer.stdout_ = FileDescriptor{out.pipe().write_end.get()};
  outer.stderr_ = FileDescriptor{error.pipe().write_end.get()};
  Child child = start(
      [&] {
        WorkerOptions swapped;
        swapped.stdout_ = FileDescriptor{STDERR_FILENO};
        swapped.stderr_ = FileDescriptor{STDOUT_FILENO};
        Child inner = start([] { return ::write(1, "1", 1) + ::write(2, "2", 1) == 2 ? 0 : 1; }, swapped);
        return end_of(inner).code().value();
      },
      outer);
  EXPECT_EQ(end_of(child).code(), 0);
  EXPECT_EQ(out.read_to_end(), "2");
  EXPECT_EQ(error.read_to_end(), "1");
}

TEST(ForkStart, AHostWithoutStandardStreamsMayStartWorkers) {
  const Report report;
  Child host = start([&] {
    for (const int fd : {0, 1, 2}) ::close(fd);
    Child worker = start([&] {
      if (!os::is_open(0) || !os::is_open(1) || !os::is_open(2)) return 1;
      std::printf("to nowhere");
      report.write("x");
      return 0;
    });
    return end_of(worker).code().value();
  });
  EXPECT_EQ(report.read<char>(), 'x');
  EXPECT_EQ(end_of(host).code(), 0);
}

TEST(ForkStart, EnvironmentDirectoryAndName) {
  ::setenv("COPROC_TEST_REMOVED", "1", 1);
  WorkerOptions options;
  options.env = {{"COPROC_TEST_SET", "value"}, {"COPROC_TEST_REMOVED", std::nullopt}};
  options.working_directory = "/proc/self";
  options.name = "a rather long name";
  Child child = start(
      [] {
        const char* const set = ::getenv("COPROC_TEST_SET");
        if (set == nullptr || std::string(set) != "value" || ::getenv("COPROC_TEST_REMOVED") != nullptr) return 1;
        if (::access("oom_score", F_OK) != 0) return 2;
        char name[16] = {};
        ::prctl(PR_GET_NAME, name, 0, 0, 0);
        return std::string(name) == "a rather long n" ? 0 : 3;
      },
      options);
  EXPECT_EQ(end_of(child).code(), 0);
  EXPECT_EQ(::getenv("COPROC_TEST_SET"), nullptr);
  ::unsetenv("COPROC_TEST_REMOVED");
}

class Kept final : public os::ForkSensitive {
 public:
  int fd() const { return fd_.get(); }

 private:
  void leave_in_child() noexcept override { fd_.reset(); }
  void list_fds(std::vector<int>& fds) const override { fds.push_back(fd_.get()); }

  os::Fd fd_ = os::open_file("/dev/null", O_RDONLY);
  os::ForkRegistration registration_{*this};
};

TEST(ForkStart, DescriptorsAreInheritedUnlessToldOtherwise) {
  const Kept kept;
  const Kept not_kept;
  const os::Fd host_fd = os::open_file("/dev/null", O_RDONLY);
  const os::Fd named_fd = os::open_file("/dev/null", O_RDONLY);
  os::ForkSensitive* const keep[] = {const_cast<Kept*>(&kept)};
  WorkerOptions options;
  options.keep_fds = {named_fd.get()};
  for (const bool inherits : {true, false}) {
    options.inherit_fds = inherits;
    const int other_link = not_kept.fd();
    const auto body = [&] {
      if (!os::is_open(kept.fd()) || !os::is_open(named_fd.get())) return 1;
      if (os::is_open(other_link)) return 2;
      if (os::is_open(host_fd.get()) != inherits) return 3;
      return os::is_open(0) && os::is_open(1) && os::is_open(2) ? 0 : 4;
    };
    Child child = start_by_fork(options, keep, body);
    EXPECT_EQ(end_of(child).code(), 0) << inherits;
  }
}

TEST(ForkStart, WorkersHaveWorkersOfTheirOwn) {
  Child child = start([] {
    Child grandchild = start([] { return 6; });
    return end_of(grandchild).code().value() + 1;
  });
  EXPECT_EQ(end_of(child).code(), 7);
}

TEST(ForkStart, WorksWhereChildrensSignalIsIgnored) {
  Child host = start([] {
    ::signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 20; ++i) {
      Child child = start([] { return 3; });  // ends at once, and is reaped by the kernel
      const ExitStatus status = end_of(child);
      if (status.code() != 3 && !std::holds_alternative<UnknownEnd>(status.end)) return 1;
    }
    return 0;
  });
  EXPECT_EQ(end_of(host).code(), 0);
}

}  // namespace
