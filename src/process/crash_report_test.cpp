#include "process/crash_report.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>

#include "os/fd.hpp"

using namespace coproc;
using namespace coproc::process;

namespace {

CrashArea complete(std::uint32_t frames) {
  CrashArea report{};
  report.state = kCrashComplete;
  report.signal = SIGSEGV;
  report.frame_count = frames;
  return report;
}

/// Makes a report of one frame, at `offset` in `path`.
CrashArea at(std::uint64_t offset, const std::string& path) {
  CrashArea report = complete(1);
  report.frames[0].offset = offset;
  path.copy(report.paths.data(), report.paths.size());
  return report;
}

std::vector<std::string> read(const CrashArea& report, const std::string& program = "") {
  return read_crash_report(std::as_bytes(std::span<const CrashArea, 1>(&report, 1)), program);
}

using Lines = std::vector<std::string>;

TEST(CrashReport, WhatIsNotCompleteIsNoReport) {
  CrashArea report = at(0x10, "/x.so");
  EXPECT_EQ(read(report), Lines{"#0 x.so+0x10"});
  report.state = 0;
  EXPECT_EQ(read(report), Lines{});
  report.state = kCrashComplete + 1;
  EXPECT_EQ(read(report), Lines{});
}

TEST(CrashReport, ACountThatCannotBeIsNoReport) {
  EXPECT_EQ(read(complete(kCrashFrames)).size(), kCrashFrames);
  EXPECT_EQ(read(complete(kCrashFrames + 1)), Lines{});
  EXPECT_EQ(read(complete(0xFFFFFFFF)), Lines{});
}

TEST(CrashReport, AModuleThatTheHostHasNotLoadedIsShownOnly) {
  EXPECT_EQ(read(at(0x1234, "/opt/lib/libother.so")), Lines{"#0 libother.so+0x1234"});
}

TEST(CrashReport, AModuleThatTheHostHasLoadedGivesNames) {
  Dl_info info{};
  link_map* map = nullptr;
  void* const function = reinterpret_cast<void*>(&::gnu_get_libc_version);  // that no sanitizer replaces
  ASSERT_NE(::dladdr1(function, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP), 0);
  const std::string path = map->l_name;
  ASSERT_EQ(path.front(), '/');
  const auto line = read(at(reinterpret_cast<std::uint64_t>(function) - map->l_addr + 4, path)).at(0);
  EXPECT_TRUE(line.starts_with("#0 gnu_get_libc_version + 0x4 (libc.so.6+0x")) << line;
}

TEST(CrashReport, TheKernelsModuleIsNotLookedForInTheWorkingDirectory) {
  // If this path were opened, it would be that of a file in the working directory.
  EXPECT_EQ(read(at(0x10, "linux-vdso.so.1")), Lines{"#0 linux-vdso.so.1+0x10"});
}

TEST(CrashReport, AProgramThatCannotBeReadHasNoNames) {
  EXPECT_EQ(read(at(0x10, ""), "/no/such/program"), Lines{"#0 program+0x10"});
  EXPECT_EQ(read(at(0x10, ""), "/dev/zero"), Lines{"#0 zero+0x10"});
  EXPECT_EQ(read(at(0x10, ""), "/proc/self"), Lines{"#0 self+0x10"});
}

TEST(CrashReport, PathsAreBounded) {
  CrashArea report = complete(4);
  report.paths.fill('x');
  report.frames[0] = {1, 0, 0};  // without an end
  report.frames[1] = {2, std::uint32_t(report.paths.size()), 0};
  report.frames[2] = {3, kNoModule, 0};
  report.frames[3] = {4, std::uint32_t(report.paths.size() - 1), 0};
  EXPECT_EQ(read(report), (Lines{"#0 0x1", "#1 0x2", "#2 0x3", "#3 0x4"}));
}

TEST(CrashReport, NothingInAPathActsOnATerminal) {
  EXPECT_EQ(read(at(0x10, "/tmp/a\x1b[31m\n\xc2\x9b.so")), Lines{"#0 a?[31m???.so+0x10"});
}

TEST(CrashReport, TheAddressIsToldOfFaultsOnly) {
  CrashArea report = at(0x10, "/x.so");
  report.fault_address = 0x20;
  EXPECT_EQ(read(report), Lines{"#0 x.so+0x10"});
  report.code = SEGV_MAPERR;
  EXPECT_EQ(read(report), Lines{"#0 x.so+0x10, accessing 0x20"});
  report.signal = SIGFPE;
  EXPECT_EQ(read(report), Lines{"#0 x.so+0x10"});
  report.signal = SIGSEGV;
  report.code = SI_KERNEL;
  EXPECT_EQ(read(report), Lines{"#0 x.so+0x10"});
}

class CrashReportFiles : public ::testing::Test {
 protected:
  CrashReportFiles() {
    const char* const where = ::getenv("TMPDIR");  // NOLINT: one thread
    directory_ = std::string(where != nullptr ? where : "/tmp") + "/coproc-crash-XXXXXX";
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    watch_ = os::Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  }
  ~CrashReportFiles() override { std::filesystem::remove_all(directory_); }

  std::string path(const char* name) const { return directory_ + "/" + name; }
  void watch(const std::string& path) {
    ASSERT_GE(::inotify_add_watch(watch_.get(), path.c_str(), IN_OPEN), 0) << std::strerror(errno);
  }
  /// Whether something that is watched was opened since the last time.
  bool was_opened() const {
    char events[4096];
    return ::read(watch_.get(), events, sizeof events) > 0;
  }

 private:
  std::string directory_;
  os::Fd watch_;
};

TEST_F(CrashReportFiles, NothingThatTheWorkerNamesIsOpened) {
  const std::string fifo = path("libfifo.so");
  const std::string file = path("libfile.so");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::filesystem::copy_file("/proc/self/exe", file);
  for (const std::string& each : {fifo, file, std::string("/dev/full")}) watch(each);
  EXPECT_EQ(read(at(0x10, fifo)), Lines{"#0 libfifo.so+0x10"});
  EXPECT_EQ(read(at(0x10, file)), Lines{"#0 libfile.so+0x10"});
  EXPECT_EQ(read(at(0x10, file + "/../" + "libfile.so")), Lines{"#0 libfile.so+0x10"});
  EXPECT_EQ(read(at(0x10, "/dev/full")), Lines{"#0 full+0x10"});
  EXPECT_FALSE(was_opened());

  // The host trusts the path that it gave itself, but opens only files: opening anything else may have effects, or
  // block.
  for (const std::string& each : {fifo, std::string("/dev/full")}) (void)read(at(0x10, ""), each);
  EXPECT_FALSE(was_opened());
  EXPECT_EQ(read(at(0x10, ""), file), Lines{"#0 libfile.so+0x10"});
  EXPECT_TRUE(was_opened());  // the watch does see what is opened
}

TEST_F(CrashReportFiles, RandomBytesAreHarmless) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string program = path("program");
  std::filesystem::copy_file("/proc/self/exe", program);
  std::filesystem::resize_file(program, 5000);  // so that names are looked for in vain, and quickly
  std::vector<std::uint64_t> noise(1 << 16);
  for (std::uint64_t& word : noise) word = random();
  for (int round = 0; round < 100'000; ++round) {
    CrashArea report;
    std::memcpy(&report, noise.data() + random() % (noise.size() - sizeof report / 8), sizeof report);
    report.state = kCrashComplete;
    // Of many rounds a few have many frames, or more than there can be.
    if (random() % 8 != 0) report.frame_count = std::uint32_t(random() % (random() % 32 != 0 ? 4 : kCrashFrames + 2));
    if (random() % 8 == 0) std::replace(report.paths.begin(), report.paths.end(), '\0', '/');  // no path has an end
    for (CrashFrame& frame : report.frames) {
      if (random() % 4 != 0) frame.path_at = std::uint32_t(random() % (report.paths.size() + 8));
    }
    const Lines lines = read(report, program);
    ASSERT_EQ(lines.size(), report.frame_count <= kCrashFrames ? report.frame_count : 0);
    for (const std::string& line : lines) {
      ASSERT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; })) << line;
    }
  }
}

TEST_F(CrashReportFiles, AProgramThatWasReplacedHasNoNames) {
  const std::string program = path("program");
  std::filesystem::copy_file("/proc/self/exe", program);
  const auto as_started = os::identity_of(program);
  ASSERT_TRUE(as_started);
  EXPECT_EQ(as_started, os::identity_of(program));
  const CrashArea report = at(0x10, "");
  const auto read_as_started = [&] {
    watch(program);
    return read_crash_report(std::as_bytes(std::span<const CrashArea, 1>(&report, 1)), program, as_started);
  };
  EXPECT_EQ(read_as_started().size(), 1u);
  std::filesystem::remove(program);
  std::filesystem::copy_file("/proc/self/exe", program);
  EXPECT_NE(as_started, os::identity_of(program));
  EXPECT_EQ(read_as_started(), Lines{"#0 program+0x10"});
}

}  // namespace
