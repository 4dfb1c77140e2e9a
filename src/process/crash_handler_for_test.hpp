// For the tests of crash reports: a worker that reports its crashes into memory of the test's own.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <span>
#include <string>
#include <vector>

#include "os/memory.hpp"
#include "os/sanitizer.hpp"
#include "process/crash_area.hpp"
#include "process/crash_handler.hpp"
#include "process/crash_report.hpp"
#include "process/worker_for_test.hpp"

namespace coproc::inline v0::process::testing {

class CrashHandler : public ::testing::Test {
 protected:
  std::span<std::byte, kCrashReportBytes> area() const {
    return std::span<std::byte, kCrashReportBytes>(memory_.mapping.data(), kCrashReportBytes);
  }
  const CrashArea& written() const { return *reinterpret_cast<const CrashArea*>(area().data()); }
  const os::SharedMemory& memory() const { return memory_; }
  std::vector<std::string> lines() const { return read_crash_report(area(), ""); }
  std::string text() const { return text_of(lines()); }

  /// Runs a worker that calls `prepare`, reports its crashes, and calls `body`. Returns how it ended.
  template <class Body>
  ExitStatus end_of_worker(
      Body body, void (*prepare)() = [] {}) {
    Child child = start([this, body, prepare] {
      const rlimit no_core_file{};
      ::setrlimit(RLIMIT_CORE, &no_core_file);
      prepare();
      report_crashes_into(area());
      return body();
    });
    return end_of(child);
  }

  /// Runs such a worker, checks that `signal` ends it, and returns whether there is a report.
  template <class Body>
  bool is_reported(int signal, Body body) {
    const ExitStatus status = end_of_worker(body);
    if (os::kHasSanitizer && signal != SIGABRT && signal != SIGILL) {
      EXPECT_EQ(status.code(), 1) << status.describe();
      EXPECT_TRUE(lines().empty()) << text();
      return false;
    }
    EXPECT_EQ(status.signal(), signal) << status.describe();
    EXPECT_EQ(written().signal, signal);
    EXPECT_FALSE(lines().empty());
    return !lines().empty();
  }

  static std::string text_of(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) all += line + '\n';
    return all;
  }

 private:
  os::SharedMemory memory_ = os::create_sealed_memory("crash", kCrashReportBytes);
};

}  // namespace coproc::inline v0::process::testing
