// What a process holds of the system, and the check that every test leaves it as it was.
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

namespace support {

/// Everything of this process that a test could leave behind, each thing with a name to compare and to print: open
/// descriptors, child processes (zombies too), threads, blocked, ignored and handled signals, mappings of memory files,
/// and the names in /dev/shm.
class Holdings {
 public:
  /// `shared_memory_directory` is there for the tests of this class.
  static Holdings now(const char* shared_memory_directory = "/dev/shm");

  /// What is here more, less or otherwise than in `before`, a line each. Empty: nothing.
  std::string difference_from(const Holdings& before) const;

 private:
  std::map<std::string, std::string> things_;
};

/// The difference to `before`, once it is empty or has not become so for some seconds: an ended thread or a closed
/// mapping is listed by the kernel a moment longer.
std::string lasting_difference(const Holdings& before);

/// Fails every test after which the process does not hold what it held before.
class HygieneListener : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& test) override;
  void OnTestEnd(const testing::TestInfo& test) override;

  std::optional<Holdings> before_;
};

}  // namespace support
