// Promise 9, in every way to start a worker: a worker ends with its host, whatever it does and however the host ends.
#include <spawn.h>

#include <chrono>
#include <cstdint>
#include <random>
#include <thread>

#include "conformance/player.hpp"
#include "support/process.hpp"

using parts::Player;
using support::end_of;
using support::Host;
using support::in_host;
using support::Orphans;
using support::Pipe;
using support::sleep_for_ever;

namespace {

class Life : public parts::ByEveryWay {
 protected:
  /// In a host: a worker that has begun to play its part.
  void start(Player& player, const std::string& part) {
    player.start(part);
    from_host_.write(player->pid());
  }
  /// In the test: its pid.
  pid_t begun() const {
    const auto worker = from_host_.read<pid_t>();
    EXPECT_EQ(from_worker_.read<char>(), 'b');
    return worker;
  }
  /// The end of a worker whose host is killed; `ready` waits until the worker is where it shall be.
  template <class Ready>
  std::string end_with_host(const std::string& part, Ready ready) {
    Host host([&] {
      Player player(GetParam(), from_worker_.write_fd());
      start(player, part);
      sleep_for_ever();
    });
    const pid_t worker = begun();
    ready(worker);
    host.kill();
    return GetParam().end_of_orphan(worker);
  }
  std::string end_with_host(const std::string& part) {
    return end_with_host(part, [](pid_t) {});
  }
  /// For workers that are told of it and leave: only an overloaded machine may use their grace up, and not every time.
  template <class Ready>
  void expect_to_leave(const std::string& part, Ready ready) {
    const std::string leaves = GetParam().as_seen("exit 0"), is_killed = GetParam().as_seen("signal 9");
    std::string end;
    for (int tries = 0; tries < 20 && end != leaves; ++tries) {
      end = end_with_host(part, ready);
      EXPECT_TRUE(end == leaves || end == is_killed) << end;
    }
    EXPECT_EQ(end, leaves);
  }

  const Orphans orphans_;
  const Pipe from_host_;
  const Pipe from_worker_;
};
INSTANTIATE_TEST_SUITE_P(By, Life, parts::every_way(), parts::name_of_way);

TEST_P(Life, promise_09_a_busy_worker_ends_with_its_host) {
  EXPECT_EQ(end_with_host("spins"), GetParam().as_seen("signal 9"));
}

TEST_P(Life, promise_09_a_stopped_worker_ends_with_its_host) {
  const auto is_stopped = [](pid_t worker) {
    while (support::state_of(worker) != 'T') std::this_thread::yield();
  };
  EXPECT_EQ(end_with_host("stops", is_stopped), GetParam().as_seen("signal 9"));
}

TEST_P(Life, promise_09_a_worker_in_a_receive_is_told_and_leaves) {
  expect_to_leave("receives", [](pid_t) {});
}

TEST_P(Life, promise_09_a_worker_in_a_send_is_told_and_leaves) {
  expect_to_leave("sends", [&](pid_t) { EXPECT_EQ(from_worker_.read<char>(), 'b'); });
}

TEST_P(Life, promise_09_a_worker_that_makes_calls_gets_HostDiedError) {
  expect_to_leave("polls", [](pid_t) {});
  if (GetParam().is_told_of_hosts_end()) {
    EXPECT_EQ(from_worker_.read<char>(), 'd');
  }
}

TEST_P(Life, promise_09_a_worker_that_catches_HostDiedError_and_goes_on_is_killed) {
  EXPECT_EQ(end_with_host("clings"), GetParam().as_seen("signal 9"));
}

TEST_P(Life, promise_09_the_end_of_the_starting_thread_is_not_the_hosts) {
  Host host([&] {
    Player player(GetParam(), from_worker_.write_fd());
    std::thread([&] { start(player, "answers"); }).join();
    while (support::count_threads() > 1) std::this_thread::yield();  // the kernel is a little later
    from_host_.write(player.ask("echo x") == "x");
    sleep_for_ever();
  });
  const pid_t worker = begun();
  EXPECT_TRUE(from_host_.read<bool>());
  host.kill();
  EXPECT_NE(GetParam().end_of_orphan(worker), "no child");
}

TEST_P(Life, promise_09_a_host_that_executes_another_program_is_gone) {
  const Pipe to_host;
  Host host([&] {
    Player player(GetParam(), from_worker_.write_fd());
    start(player, "spins");
    (void)to_host.read<bool>();  // a start on a machine does not wait until the target has begun
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
  });
  const pid_t worker = begun();
  to_host.write(true);
  while (!GetParam().has_ended(worker)) std::this_thread::yield();
  EXPECT_NE(support::state_of(host.pid()), 'Z') << "the other program was ended, too";
  host.kill();
  EXPECT_EQ(GetParam().end_of_orphan(worker), GetParam().as_seen("signal 9"));
}

TEST_P(Life, promise_09_another_child_of_the_host_does_not_keep_its_workers_alive) {
  const Pipe others;
  Host host([&] {
    Player player(GetParam(), from_worker_.write_fd());
    start(player, "spins");
    const pid_t forked = ::fork();
    if (forked == 0) sleep_for_ever();
    pid_t spawned = -1;
    char program[] = "/bin/sleep", time[] = "1000";
    char* const arguments[] = {program, time, nullptr};
    ::posix_spawn(&spawned, program, nullptr, nullptr, arguments, environ);
    others.write(forked);
    others.write(spawned);
    sleep_for_ever();
  });
  const pid_t worker = begun();
  const pid_t children[] = {others.read<pid_t>(), others.read<pid_t>()};
  host.kill();
  EXPECT_EQ(GetParam().end_of_orphan(worker), GetParam().as_seen("signal 9"));
  for (const pid_t child : children) {
    EXPECT_EQ(::kill(child, SIGKILL), 0);
    EXPECT_EQ(end_of(child), "signal 9");
  }
}

TEST_P(Life, promise_09_a_host_that_is_killed_in_the_middle_of_a_start_leaves_nothing) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 30; ++i) {
    const Pipe starts;
    Host host([&] {
      for (;;) {
        Player player(GetParam());
        starts.write('s');
        player.start("spins");
        player->kill();
      }
    });
    starts.read<char>();
    std::uniform_int_distribution<std::int64_t> anywhere(0, GetParam().time_of_start().count());
    const auto delay = std::chrono::microseconds(anywhere(random));
    for (const auto start = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - start < delay;) {}
    host.kill();
    Orphans::wait_for_all();  // hangs, where one lives on
  }
}

TEST(ForkServer, ItsEndHarmsNoWorkerAndTheNextStartMakesANewOne) {
  EXPECT_EQ(in_host([] {
              Player first(coproc::StartMethod::fork_server);
              first.start("answers");
              const pid_t server = support::fork_server_of(::getpid());
              if (server < 0) return std::string("there is no fork server");
              ::kill(server, SIGKILL);
              std::string text = first.ask("echo alive");
              while (support::state_of(server) != 'Z') std::this_thread::yield();
              Player second(coproc::StartMethod::fork_server);
              second.start("answers");
              text += second.ask("echo , new one");
              const pid_t next = support::fork_server_of(::getpid());
              if (next < 0 || next == server) text += ", no new server";
              text += first.ask("echo , still alive");
              if (!first->stop().success() || !second->stop().success()) text += ", ended badly";
              coproc::stop_fork_server();
              return text;
            }),
            "alive, new one, still alive");
}

TEST(ForkServer, EndsWithItsHost) {
  const Orphans orphans;
  const Pipe servers;
  Host host([&] {
    coproc::start_fork_server();
    servers.write(support::fork_server_of(::getpid()));
    sleep_for_ever();
  });
  const auto server = servers.read<pid_t>();
  host.kill();
  EXPECT_EQ(end_of(server), "exit 0");
}

}  // namespace
