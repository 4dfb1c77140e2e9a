// What a child that another thread forks keeps of links: nothing, whatever is being done to them meanwhile.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "link/borrower.hpp"
#include "link/link.hpp"
#include "os/sanitizer.hpp"

namespace coproc::link {
namespace {

constexpr int kForks = 1500;
constexpr std::chrono::microseconds kSweep{150};

bool is_a_link_mapped() {
  std::FILE* const maps = std::fopen("/proc/self/maps", "r");
  char line[512];
  bool is_mapped = false;
  while (std::fgets(line, sizeof line, maps) != nullptr) is_mapped |= std::strstr(line, "coproc-link") != nullptr;
  std::fclose(maps);
  return is_mapped;
}

/// Does what a messenger does whose peer has ended, with a new link, while the test forks: at a moment that is another
/// one each time, from before the fork to behind it.
void retire_links(std::atomic<int>& go) {
  for (int i = 1; i <= kForks; ++i) {
    auto ends = make_shm_pair(LinkOptions());
    go = i;
    const auto at = std::chrono::steady_clock::now() + i * kSweep / kForks;
    while (std::chrono::steady_clock::now() < at) {}
    ends.first->borrower()->retire();
    while (go != -i) std::this_thread::yield();
  }
}

TEST(LinkFork, AChildKeepsNoLinkThatAnotherThreadIsRetiring) {
  if (os::kHasSanitizer) GTEST_SKIP() << "a sanitizer's allocator takes no care of forks";
  std::atomic<int> go{0};
  std::thread other([&] { retire_links(go); });
  int keepers = 0;
  for (int i = 1; i <= kForks; ++i) {
    while (go != i) {}
    const pid_t child = ::fork();
    if (child == 0) ::_exit(is_a_link_mapped() ? 1 : 0);
    int status = -1;
    ::waitpid(child, &status, 0);
    keepers += status == 0 ? 0 : 1;
    go = -i;
  }
  other.join();
  EXPECT_EQ(keepers, 0);
}

}  // namespace
}  // namespace coproc::link
