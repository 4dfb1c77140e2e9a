// A process that has locked all of its memory, under a limit of how much: what is refused then names that limit.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <string>

#include "os/memory.hpp"
#include "os/sanitizer.hpp"
#include "support/process.hpp"

using coproc::PriorityMessenger;

namespace {

/// What `body` gives in a process that locks all memory that it takes from now on, as mlockall(MCL_CURRENT |
/// MCL_FUTURE) does, and may lock no more than that.
template <class Body>
std::string with_locked_memory(rlim_t most, Body body) {
  return support::in_host([&]() -> std::string {
    if (::getuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return "no user without rights";
    if (coproc::os::is_bounded_by_locked_memory()) return "bounded before";
    const rlimit limit{most, most};
    if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return "skip: this user may lock less than that";
    // The present memory is left out: it may be more than anybody here may lock.
    if (::mlockall(MCL_FUTURE) != 0) return "skip: memory cannot be locked";
    if (!coproc::os::is_bounded_by_locked_memory()) return "not bounded";
    try {
      return body();
    } catch (const coproc::Error& error) {
      return error.what();
    }
  });
}

void expect_names_the_limit(const std::string& text) {
  if (text.starts_with("skip")) GTEST_SKIP() << text;
  EXPECT_NE(text.find("RLIMIT_MEMLOCK"), std::string::npos) << text;
  EXPECT_EQ(text.find("RLIMIT_AS"), std::string::npos) << text;
}

class LockedMemory : public testing::Test {
  void SetUp() override {
    if (coproc::os::kHasSanitizer) GTEST_SKIP() << "a sanitizer has too much memory for any limit of what is locked";
  }
};

TEST_F(LockedMemory, ASendThatFindsNoMemoryNamesTheLimit) {
  const std::string large(100 << 20,
                          'x');  // more than malloc has kept for threads; it is put together in memory of its own
  expect_names_the_limit(with_locked_memory(4 << 20, [&]() -> std::string {
    auto [a, b] =
        PriorityMessenger::new_pair({.ring_bytes = 16 << 10, .max_message_bytes = 200 << 20, .automatic_loans = false});
    a.send_norequest(large);
    return "sent";
  }));
}

TEST_F(LockedMemory, AStartThatFindsNoMemoryForItsLinkNamesTheLimit) {
  expect_names_the_limit(with_locked_memory(64 << 10, []() -> std::string {
    coproc::WorkerResource worker{[](PriorityMessenger&) {}, {.link = {.ring_bytes = 1 << 20}}};
    worker.start();
    return "started";
  }));
}

}  // namespace
