// A worker that the out-of-memory killer ends, in a control group with a limit, as containers have one: what is told.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "os/control_group.hpp"
#include "os/file.hpp"
#include "os/sanitizer.hpp"
#include "support/process.hpp"

using coproc::ExitStatus;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

/// A group of at most 256 MiB inside of that of this process. Empty path: there can be none here.
class SmallGroup {
 public:
  SmallGroup() {
    const std::string membership = coproc::os::read_text("/proc/self/cgroup").value_or("");
    for (const auto& around : coproc::os::list_control_groups("memory", membership, "/sys/fs/cgroup")) {
      const std::string path = around.directory + "/coproc-test-" + std::to_string(::getpid());
      if (::mkdir(path.c_str(), 0700) != 0) continue;
      const std::string limit = path + (around.is_v2 ? "/memory.max" : "/memory.limit_in_bytes");
      if (std::filesystem::exists(limit) && (std::ofstream(limit) << (256 << 20)).flush()) {
        path_ = path;
        return;
      }
      ::rmdir(path.c_str());
    }
  }
  SmallGroup(const SmallGroup&) = delete;
  SmallGroup& operator=(const SmallGroup&) = delete;
  ~SmallGroup() {
    if (!is_there()) return;
    // The fork server of the host ends a little later than the host.
    while (::rmdir(path_.c_str()) != 0 && errno == EBUSY) std::this_thread::yield();
  }

  bool is_there() const { return !path_.empty(); }
  void enter() const { std::ofstream(path_ + "/cgroup.procs") << ::getpid(); }

 private:
  std::string path_;
};

void eat_all_memory(PriorityMessenger&) {
  std::ofstream("/proc/self/oom_score_adj") << 1000;  // so that it is not the host that is chosen
  std::vector<std::string> all;
  while (true) all.emplace_back(std::size_t{1} << 20, 'x');
}
void end_by_sigkill(PriorityMessenger&) { ::raise(SIGKILL); }

std::string end_of(void (*target)(PriorityMessenger&)) {
  WorkerResource worker{target};
  worker.start();
  const ExitStatus status = worker.join();
  return status.describe() + "\nlimit: " + status.limit;
}

TEST(OutOfMemory, TheKillerIsNamedWhereItsGroupCounts) {
  if (coproc::os::kHasSanitizer) GTEST_SKIP() << "a sanitizer needs more memory than the group has";
  const SmallGroup group;
  if (!group.is_there()) GTEST_SKIP() << "no control group with a limit on memory can be made here";
  const std::string ends = support::in_host([&] {
    group.enter();
    WorkerResource other{+[](PriorityMessenger& host) { (void)host.receive_blocking(); }};
    other.start();
    std::string all = end_of(&eat_all_memory) + "\n" + end_of(&end_by_sigkill);
    other.kill();
    return all + "\nkilled by its host: " + other.join().limit;
  });
  EXPECT_EQ(ends,
            "was killed by SIGKILL, which coproc did not send (it seems the out-of-memory killer, which has ended a "
            "process of its control group meanwhile)\nlimit: memory\n"
            "was killed by SIGKILL, which coproc did not send (perhaps the out-of-memory killer)\nlimit: \n"
            "killed by its host: ");
}

}  // namespace
