// The system resources that a process holds, and the check that every test leaves them as they were.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

namespace support {

/// Everything that a test could leave behind in this process, each with a name by which it is compared and printed:
/// open descriptors, child processes (zombies too), threads, blocked, ignored and handled signals, mappings of memory
/// files, and the names in /dev/shm.
class Holdings {
 public:
  /// `shared_memory_directory` is a parameter for the tests of this class.
  static Holdings now(const char* shared_memory_directory = "/dev/shm");

  /// Lists, one in a line, what was added, removed or changed since `before`; empty if nothing was.
  std::string difference_from(const Holdings& before) const;

 private:
  std::map<std::string, std::string> things_;
};

/// The difference to `before`, after some seconds in which it may become empty: the kernel still lists an ended thread
/// or a closed mapping for a moment.
std::string lasting_difference(const Holdings& before);

/// Fails every test after which the process does not hold the same as before.
class HygieneListener : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& test) override;
  void OnTestEnd(const testing::TestInfo& test) override;

  std::optional<Holdings> before_;
};

}  // namespace support
