// Workers on another machine that are killed at random times: nothing that they had sent is lost.
#include <gtest/gtest.h>

#include "chaos/options.hpp"
#include "machines/here.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <random>
#include <string>
#include <thread>

#include "support/temporary_file.hpp"

using coproc::ExitStatus;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

/// How many messages the worker has sent, in a file that it maps, too: whatever ends it, the count stays.
class Count {
 public:
  explicit Count(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (::ftruncate(fd, sizeof(*number_)) != 0) std::abort();
    void* const memory = ::mmap(nullptr, sizeof(*number_), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) std::abort();
    ::close(fd);
    number_ = static_cast<std::atomic<std::uint64_t>*>(memory);
  }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;
  ~Count() { ::munmap(number_, sizeof(*number_)); }

  void set(std::uint64_t number) { number_->store(number); }
  std::uint64_t get() const { return number_->load(); }

 private:
  std::atomic<std::uint64_t>* number_ = nullptr;
};

void send_until_killed(PriorityMessenger& host, const std::string& path, std::uint64_t random) {
  Count count(path);
  std::mt19937_64 dice(random);
  host.send_norequest(std::string("ready"), "ready");
  for (std::uint64_t i = 0;; ++i) {
    const std::size_t bytes = dice() % 50 == 0 ? dice() % 300'000 : dice() % 300;
    host.send_norequest(std::pair(i, std::string(bytes, static_cast<char>('a' + i % 26))));
    count.set(i + 1);
  }
}

enum class Victim { worker, far, near };

void kill_one(std::mt19937_64& dice, Victim victim) {
  const support::TemporaryFile file;
  const std::size_t rings[] = {4096, std::size_t{64} << 10, std::size_t{256} << 10};
  WorkerResource worker{
      &send_until_killed,
      {.link = {.ring_bytes = rings[dice() % 3]}, .report_crashes = false, .machine = machines::here()}};
  worker.start(file.path(), dice());
  const Count count(file.path());
  if (dice() % 2 == 0) worker.messenger().send_norequest(std::string(dice() % 100'000, 'u'), "unread");
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>("ready"), "ready");
  const pid_t pid = victim == Victim::worker ? worker.pid()
                    : victim == Victim::far  ? machines::far_agent()
                                             : machines::near_agent();
  ASSERT_GT(pid, 0);
  const bool fills_up = dice() % 4 == 0;  // rings and windows
  std::thread killer([pid, delay = dice() % (fills_up ? 40'000 : 3000)] {
    ::usleep(static_cast<useconds_t>(delay));
    ::kill(pid, SIGKILL);
  });
  if (fills_up || dice() % 2 == 0) ::usleep(static_cast<useconds_t>(fills_up ? 40'000 : dice() % 3000));
  std::uint64_t received = 0;
  const ExitStatus status = machines::receive_until_death(worker, [&](auto& messenger) {
    const auto [number, text] = messenger.template receive_blocking<std::pair<std::uint64_t, std::string>>();
    ASSERT_EQ(number, received) << "lost, doubled or reordered";
    ASSERT_EQ(text, std::string(text.size(), static_cast<char>('a' + number % 26)));
    ++received;
  });
  killer.join();
  if (victim != Victim::worker) {
    machines::loss_of(status);
    return;
  }
  EXPECT_EQ(status.signal(), SIGKILL) << status.describe();
  // It may have been killed between a send and the count of it.
  EXPECT_GE(received, count.get());
  EXPECT_LE(received, count.get() + 1);
}

void kill_at_random(Victim victim, std::uint64_t kills) {
  std::mt19937_64 dice(chaos::seed());
  SCOPED_TRACE("COPROC_CHAOS_SEED=" + std::to_string(chaos::seed()));
  for (std::uint64_t i = 0; i < kills && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("kill " + std::to_string(i));
    kill_one(dice, victim);
  }
}

TEST(MachineRandomKills, promise_05_OfWorkersLoseNothing) {
  kill_at_random(Victim::worker, chaos::environment("COPROC_CHAOS_KILLS", 200) / 5);
}

TEST(MachineRandomKills, OfFarAgentsAreToldAsLosses) {
  kill_at_random(Victim::far, chaos::environment("COPROC_CHAOS_KILLS", 200) / 10);
}

TEST(MachineRandomKills, OfNearAgentsAreToldAsLosses) {
  kill_at_random(Victim::near, chaos::environment("COPROC_CHAOS_KILLS", 200) / 10);
}

}  // namespace
