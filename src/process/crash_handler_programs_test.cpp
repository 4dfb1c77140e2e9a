// Crash reports of programs of other kinds: crash_program_for_test.cpp, linked in various ways.
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "os/own_program.hpp"
#include "process/crash_handler_for_test.hpp"

using namespace coproc;
using namespace coproc::process;
using namespace coproc::process::testing;

namespace {

/// Runs the program whose path is the test's parameter, and checks its report.
class CrashHandlerIn : public CrashHandler {
 protected:
  void run(const std::string& name) {
    const std::string own = os::own_program();
    const std::string path = own.substr(0, own.find_last_of('/') + 1) + name;
    Child child = start([&] {
      const rlimit no_core_file{};
      ::setrlimit(RLIMIT_CORE, &no_core_file);
      const int fd = ::dup(memory().fd.get());  // one that exec does not close
      return ::execl(path.c_str(), path.c_str(), std::to_string(fd).c_str(), nullptr);
    });
    const ExitStatus status = end_of(child);
    ASSERT_EQ(status.signal(), SIGABRT) << path << ' ' << status.describe();
    const std::string report = text_of(read_crash_report(area(), path));
    EXPECT_NE(report.find("crash_in_the_program() + 0x"), std::string::npos) << report;
    EXPECT_NE(report.find("(" + name + "+0x4"), std::string::npos) << report;  // it is where the linker put it
  }
};

TEST_F(CrashHandlerIn, AProgramAtAFixedAddress) { run("crash_no-pie"); }

TEST_F(CrashHandlerIn, AStaticProgram) {
  if (os::kHasSanitizer) GTEST_SKIP() << "a sanitizer cannot be linked into a static program: there is none here";
  run("crash_static");
}

}  // namespace
