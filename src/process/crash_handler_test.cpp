// Each test says what holds in a build with sanitizers. These have handlers of their own for SIGSEGV, SIGBUS and
// SIGFPE, which are left alone (or stop the mistake itself before there is a signal), and end the process with an exit
// code after their own report.
#include "process/crash_handler.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <barrier>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "os/crash_signals.hpp"
#include "os/file.hpp"
#include "os/memory.hpp"
#include "os/own_program.hpp"
#include "os/sanitizer.hpp"
#include "process/crash_handler_for_test.hpp"

using namespace coproc;
using namespace coproc::process;
using namespace coproc::process::testing;

namespace {

std::atomic<int> lookups_until_hang{-1};  // of _dl_find_object, in this process; -1: they never hang

}  // namespace

/// Stands before glibc's in this program, so that a test can make the handler hang.
extern "C" int _dl_find_object(void* address, dl_find_object* result) noexcept {  // NOLINT: glibc's name
  static const auto real =
      reinterpret_cast<decltype(&::_dl_find_object)>(::dlsym(RTLD_NEXT, "_dl_find_object"));  // NOLINT
  if (lookups_until_hang == 0) {
    for (;;) ::pause();
  }
  if (lookups_until_hang > 0) --lookups_until_hang;
  return real(address, result);
}

namespace {

void keep_frame() { asm volatile(""); }  // NOLINT: so that the call before it is no jump

[[gnu::noinline]] int write_through(volatile int* pointer) {
  *pointer = 1;
  return 0;
}
[[gnu::noinline]] int raise_here(int signal) {
  ::raise(signal);
  keep_frame();
  return 0;
}
[[gnu::noinline]] int divide_by(volatile int* number) { return number[1] / number[0]; }
[[gnu::noinline]] int abort_as_last_thing() { std::abort(); }
[[gnu::noinline]] int throw_here() { throw std::runtime_error("nobody catches this"); }
[[gnu::noinline]] int call_through(int (*volatile* function)()) {
  const int result = (*function)();
  keep_frame();
  return result;
}
[[gnu::noinline]] int recurse(volatile int* depth) {  // NOLINT(misc-no-recursion)
  volatile char some[1000];
  some[0] = 1;
  *depth = *depth + 1;
  return *depth > 0 ? recurse(depth) + some[0] : 0;
}

TEST_F(CrashHandler, EverySignalIsReportedAndEndsTheWorkerAsBefore) {
  for (const int signal : os::kCrashSignals) {
    SCOPED_TRACE(signal);
    std::fill(area().begin(), area().end(), std::byte{});
    if (!is_reported(signal, [signal] { return raise_here(signal); })) continue;
    EXPECT_NE(text().find("raise_here(int) + 0x"), std::string::npos) << text();
    EXPECT_EQ(text().find("accessing"), std::string::npos) << text();
  }
}

TEST_F(CrashHandler, ASignalFromOutsideIsReported) {
  if (!is_reported(SIGABRT, [] {
        ::kill(::getpid(), SIGABRT);
        return ::pause();
      })) {
    return;
  }
  EXPECT_EQ(written().fault_address, 0U);
}

TEST_F(CrashHandler, ANullPointerNamesFunctionAndAddress) {
  if (!is_reported(SIGSEGV, [] { return write_through(reinterpret_cast<int*>(0x10)); })) return;
  EXPECT_NE(lines()[0].find("write_through(int volatile*) + 0x"), std::string::npos) << text();
  EXPECT_NE(lines()[0].find("(coproc_unit_tests+0x"), std::string::npos) << text();
  EXPECT_NE(lines()[0].find("), accessing 0x10"), std::string::npos) << text();
  EXPECT_NE(lines()[1].find("ANullPointerNamesFunctionAndAddress"), std::string::npos) << text();  // its caller
  EXPECT_EQ(text().find("on_crash"), std::string::npos) << text();
}

TEST_F(CrashHandler, ACallerThatEndsWithItsCallIsNotTakenForTheFunctionBehindIt) {
  ASSERT_TRUE(is_reported(SIGABRT, [] { return abort_as_last_thing(); }));
  EXPECT_NE(text().find("abort_as_last_thing() + 0x"), std::string::npos) << text();
}

TEST_F(CrashHandler, ACallOfANullPointerNamesTheCaller) {
  if (!is_reported(SIGSEGV, [] {
        int (*volatile none)() = nullptr;
        return call_through(&none);
      })) {
    return;
  }
  ASSERT_EQ(lines().size(), 2U) << text();
  EXPECT_EQ(lines()[0], "#0 0x0, accessing 0x0");
  EXPECT_NE(lines()[1].find("call_through("), std::string::npos) << text();
}

TEST_F(CrashHandler, AnAddressThatTheProcessorDoesNotTellIsNotMadeUp) {
  if (!is_reported(SIGSEGV, [] { return write_through(reinterpret_cast<int*>(0x8000'0000'0000'0000)); })) return;
  EXPECT_EQ(text().find("accessing"), std::string::npos) << text();
}

TEST_F(CrashHandler, ADivisionByZeroNamesItsFunction) {
  if (!is_reported(SIGFPE, [] {
        int zero_and_one[] = {0, 1};
        return divide_by(zero_and_one);
      })) {
    return;
  }
  EXPECT_NE(lines()[0].find("divide_by("), std::string::npos) << text();
}

TEST_F(CrashHandler, ATrapIsReported) {
  if (!is_reported(SIGILL, [] {
        __builtin_trap();
        return 0;
      })) {
    return;
  }
  EXPECT_GT(written().code, 0);
}

TEST_F(CrashHandler, APageBehindTheEndOfAFileIsReported) {
  if (!is_reported(SIGBUS, [] {
        const os::Fd empty(::memfd_create("empty", MFD_CLOEXEC));
        return write_through(static_cast<int*>(::mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, empty.get(), 0)));
      })) {
    return;
  }
  EXPECT_NE(lines()[0].find("write_through("), std::string::npos) << text();
  EXPECT_NE(lines()[0].find("accessing 0x"), std::string::npos) << text();
}

TEST_F(CrashHandler, AStackOverflowIsReported) {
  if (!is_reported(SIGSEGV, [] {
        int depth = 0;
        return recurse(&depth);
      })) {
    return;
  }
  ASSERT_EQ(lines().size(), kCrashFrames);
  EXPECT_NE(lines().back().find("recurse("), std::string::npos) << text();
}

TEST_F(CrashHandler, AnExceptionThatNobodyCatchesNamesItsThrower) {
  ASSERT_TRUE(is_reported(SIGABRT, [] {
    std::thread([] { throw_here(); }).join();
    return 0;
  }));
  EXPECT_NE(text().find("throw_here("), std::string::npos) << text();
}

TEST_F(CrashHandler, AStackThatIsGoneLeavesTheInnermostFrame) {
  if (!is_reported(SIGSEGV, [] {
        std::byte* const top =
            static_cast<std::byte*>(::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
#if defined(__x86_64__)
        asm volatile("mov %0, %%rsp; mov %0, %%rbp; movl $1, 0" : : "r"(top) : "memory");  // NOLINT
#else
        *static_cast<volatile int*>(nullptr) = int(top == nullptr);
#endif
        return 0;
      })) {
    return;
  }
  EXPECT_NE(lines()[0].find("AStackThatIsGone"), std::string::npos) << text();
}

TEST_F(CrashHandler, ACrashThatHoldsTheAllocatorsLockIsReported) {
  const auto free_twice = [] {
    // With a second thread, glibc takes a lock, and holds it when it finds that this block was freed before.
    std::thread([] { ::pause(); }).detach();
    void* volatile block = std::malloc(5000);
    void* volatile behind = std::malloc(5000);
    std::free(block);
    std::free(block);
    std::free(behind);
    return 0;
  };
  if (os::kHasSanitizer) {
    EXPECT_EQ(end_of_worker(free_twice).code(), 1);  // its allocator reports the mistake
    return;
  }
  ASSERT_TRUE(is_reported(SIGABRT, free_twice));
  EXPECT_GE(lines().size(), 3U) << text();
}

TEST_F(CrashHandler, AHandlerThatHangsEndsWithTheSignalAndWhatIsWrittenSoFar) {
  const ExitStatus status = end_of_worker([] {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    sigset_t abort_only;
    sigemptyset(&abort_only);
    sigaddset(&abort_only, SIGABRT);
    ::pthread_sigmask(SIG_UNBLOCK, &abort_only, nullptr);
    lookups_until_hang = 2;
    return raise_here(SIGABRT);
  });
  EXPECT_EQ(status.signal(), SIGABRT) << status.describe();
  EXPECT_EQ(written().frame_count, 2U);
  EXPECT_EQ(lines().size(), 2U);
}

/// This holds even if somebody else, such as a sanitizer, handles the signal of the second crash.
TEST_F(CrashHandler, ACrashInTheHandlerEndsWithTheFirstSignal) {
  const auto crash_twice = [this] {
    ::mprotect(area().data(), kCrashReportBytes, PROT_NONE);
    return raise_here(SIGABRT);
  };
  const auto set_others = [] { ::signal(SIGSEGV, [](int) { ::_exit(42); }); };
  for (const ExitStatus& status : {end_of_worker(crash_twice), end_of_worker(crash_twice, set_others)}) {
    EXPECT_EQ(status.signal(), SIGABRT) << status.describe();
    EXPECT_TRUE(lines().empty());
  }
}

TEST_F(CrashHandler, ThereIsACoreDumpWhereThereWouldBeOneWithout) {
  const char* const where = ::getenv("TMPDIR");  // NOLINT: one thread
  std::string directory = std::string(where != nullptr ? where : "/tmp") + "/coproc-crash-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  for (const bool is_fault : {false, true}) {
    bool core_dumped[2] = {};
    for (const bool reports : {false, true}) {
      Child child = start(
          [&] {
            rlimit limit{};
            ::getrlimit(RLIMIT_CORE, &limit);
            limit.rlim_cur = os::kHasSanitizer ? 0 : limit.rlim_max;  // the shadow of all memory would be in it
            ::setrlimit(RLIMIT_CORE, &limit);
            if (reports) report_crashes_into(area());
            return is_fault ? write_through(nullptr) : raise_here(SIGABRT);
          },
          {.working_directory = directory});
      const ExitStatus status = end_of(child);
      const auto* end = std::get_if<Signalled>(&status.end);
      core_dumped[reports] = end != nullptr && end->core_dumped;
      EXPECT_EQ(end == nullptr, os::kHasSanitizer && is_fault) << status.describe();
    }
    EXPECT_EQ(core_dumped[0], core_dumped[1]);
  }
  std::filesystem::remove_all(directory);
}

TEST_F(CrashHandler, OfTwoThreadsThatCrashAtOnceTheFirstIsReported) {
  for (int round = 0; round < 50; ++round) {
    std::fill(area().begin(), area().end(), std::byte{});
    const ExitStatus status = end_of_worker([] {
      std::barrier both(2);
      std::thread other([&] {
        both.arrive_and_wait();
        raise_here(SIGILL);
      });
      both.arrive_and_wait();
      return raise_here(SIGABRT);
    });
    ASSERT_TRUE(status.signal() == SIGABRT || status.signal() == SIGILL) << status.describe();
    ASSERT_EQ(written().signal, *status.signal());
    ASSERT_NE(text().find("raise_here("), std::string::npos) << text();
  }
}

TEST_F(CrashHandler, HandlersOfOthersAreLeftAlone) {
  const auto set_others = [] {
    ::signal(SIGILL, [](int) { ::_exit(42); });
    ::signal(SIGABRT, SIG_IGN);
  };
  EXPECT_EQ(end_of_worker([] { return raise_here(SIGILL); }, set_others).code(), 42);
  EXPECT_EQ(end_of_worker([] { return raise_here(SIGABRT); }, set_others).code(), 0);
  EXPECT_TRUE(lines().empty());
}

TEST_F(CrashHandler, AForkedProcessDoesNotWriteOverTheReport) {
  const auto crash_of_a_child = [] {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(raise_here(SIGABRT));
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  };
  EXPECT_EQ(end_of_worker(crash_of_a_child).code(), SIGABRT);
  EXPECT_EQ(written().signal, 0);
  EXPECT_EQ(end_of_worker([&] { return raise_here(crash_of_a_child() == SIGABRT ? SIGILL : SIGTERM); }).signal(),
            SIGILL);
  EXPECT_EQ(written().signal, SIGILL);
}

TEST_F(CrashHandler, AWorkerOfAWorkerHasItsOwnReport) {
  const ExitStatus status = end_of_worker([this] {
    const os::SharedMemory inner = os::create_sealed_memory("crash", kCrashReportBytes);
    const std::span<std::byte, kCrashReportBytes> inner_area(inner.mapping.data(), kCrashReportBytes);
    Child child = start([&] {
      report_crashes_into(inner_area);
      return raise_here(SIGABRT);
    });
    if (end_of(child).signal() != SIGABRT) return 1;
    return !read_crash_report(inner_area, "").empty() && lines().empty() ? 0 : 2;
  });
  EXPECT_EQ(status.code(), 0) << status.describe();
}

}  // namespace
