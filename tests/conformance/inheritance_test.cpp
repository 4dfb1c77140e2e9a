// Promise 10, in every way to start a worker: what a worker has of its host, of its siblings, and of nobody.
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <vector>

#include "conformance/player.hpp"
#include "support/process.hpp"

using coproc::StartMethod;
using parts::Player;
using support::descriptors_of;
using support::fork_server_of;
using support::in_host;
using support::Pipe;

namespace {

class Inheritance : public parts::ByEveryWay {
 protected:
  static bool is_fork_server() { return GetParam() == StartMethod::fork_server; }
};
INSTANTIATE_TEST_SUITE_P(By, Inheritance, parts::every_way(), parts::name_of_way);

constexpr const char* kEvent = "anon_inode:[eventfd]";  // all have the same name

std::set<std::string> targets_of(const std::map<int, std::string>& descriptors) {
  std::set<std::string> targets;
  for (const auto& [fd, target] : descriptors) targets.insert(target);
  return targets;
}

/// What a worker has besides `expected`, all of it: three pipes that its host, or the agent there, has, too (the
/// lifeline, and two of the link), the link's memory, and its messenger's eventfd. Anything else is told.
std::string own_link_of(pid_t worker, pid_t host, const std::map<int, std::string>& expected) {
  std::string wrong;
  std::set<std::string> own;
  int events = 0, memories = 0;
  auto descriptors = descriptors_of(worker);
  for (const auto& [fd, target] : expected) {
    if (descriptors[fd] != target) {
      wrong += std::to_string(fd) + " is " + descriptors[fd] + " and not " + target + "; ";
    }
    descriptors.erase(fd);
  }
  const auto of_host = targets_of(descriptors_of(host));
  for (const auto& [fd, target] : descriptors) {
    if (target.starts_with("pipe:") && of_host.contains(target)) {
      own.insert(target);
    } else if (target.starts_with("/memfd:coproc-link")) {
      ++memories;
    } else if (target == kEvent) {
      ++events;
    } else {
      wrong += std::to_string(fd) + " is " + target + "; ";
    }
  }
  return wrong + std::to_string(own.size()) + " pipes, " + std::to_string(memories) + " memory and " +
         std::to_string(events) + " eventfd of its own";
}

/// On a machine: nothing to read, and two pipes of its own.
std::map<int, std::string> standard_streams_of(pid_t worker) {
  auto descriptors = descriptors_of(worker);
  const std::string output = descriptors[1], errors = descriptors[2];
  EXPECT_TRUE(output.starts_with("pipe:") && errors.starts_with("pipe:") && output != errors) << output << errors;
  return {{0, "/dev/null"}, {1, output}, {2, errors}};
}

TEST_P(Inheritance, promise_10_a_worker_has_0_1_2_what_is_kept_and_its_own_link) {
  EXPECT_EQ(in_host([] {
              // At the numbers that are given first to what coproc opens, and at the last one.
              rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
              ::getrlimit(RLIMIT_NOFILE, &limit);
              limit.rlim_cur = 256;
              ::setrlimit(RLIMIT_NOFILE, &limit);
              const Pipe kept;
              std::vector<int> numbers{5, 3, 4, 255};
              for (const int number : numbers) {
                ::dup2(number % 2 == 0 ? kept.read_fd() : kept.write_fd(), number);
              }
              const Pipe not_kept;
              const int not_kept_either = ::open("/dev/zero", O_RDONLY);  // and not closed by exec
              coproc::WorkerOptions options{.inherit_fds = false};
              if (GetParam().keeps_descriptors()) options.keep_fds = numbers;
              Player sibling(GetParam(), -1, options);
              Player worker(GetParam(), -1, options);
              sibling.start("answers");
              worker.start("answers");
              // Their start sockets are closed when they have begun.
              std::string text = sibling.ask("links") + worker.ask("links") + " links, ";
              auto expected = descriptors_of(::getpid());
              std::erase_if(expected, [](const auto& each) { return each.first > 5 && each.first != 255; });
              if (!GetParam().keeps_descriptors()) expected = standard_streams_of(worker->pid());
              // It has an event of its own only once it sleeps, behind its answer.
              while (!targets_of(descriptors_of(worker->pid())).contains(kEvent)) ::usleep(100);
              text += own_link_of(worker->pid(), GetParam().other_end_of(worker->pid()), expected);
              // What is kept and 0, 1, 2 are common to both: not looked at a second time.
              auto common = GetParam().keeps_descriptors() ? targets_of(expected) : std::set<std::string>{"/dev/null"};
              common.insert(kEvent);
              const auto of_sibling = targets_of(descriptors_of(sibling->pid()));
              for (const auto& [fd, target] : descriptors_of(worker->pid())) {
                if (of_sibling.contains(target) && !common.contains(target)) text += ", of its sibling: " + target;
              }
              ::close(not_kept_either);
              worker->stop();
              sibling->stop();
              coproc::stop_fork_server();
              return text;
            }),
            GetParam().keeps_memory_of_link() ? "11 links, 3 pipes, 1 memory and 1 eventfd of its own"
                                              : "11 links, 3 pipes, 0 memory and 1 eventfd of its own");
}

TEST_P(Inheritance, promise_10_the_links_of_siblings_are_not_in_a_worker_that_keeps_all_else) {
  EXPECT_EQ(in_host([] {
              auto before = targets_of(descriptors_of(::getpid()));
              before.insert(kEvent);
              if (!GetParam().has_hosts_standard_streams()) before = {kEvent, "/dev/null"};
              Player first(GetParam()), second(GetParam());
              first.start("answers");
              second.start("answers");
              std::string text = first.ask("links") + second.ask("links") + " links";
              const auto of_first = targets_of(descriptors_of(first->pid()));
              for (const auto& target : targets_of(descriptors_of(second->pid()))) {
                if (of_first.contains(target) && !before.contains(target)) text += ", both have " + target;
              }
              first->stop();
              second->stop();
              coproc::stop_fork_server();
              return text;
            }),
            "11 links");
}

template <class Call>
int is_refused(Call call) {
  try {
    call();
  } catch (const coproc::NotOwnerError&) {
    return 1;
  }
  return 0;
}

TEST_P(Inheritance, promise_10_a_fork_of_the_host_leaves_everything_and_has_workers_of_its_own) {
  EXPECT_EQ(in_host([] {
              const auto before = targets_of(descriptors_of(::getpid()));
              Player worker(GetParam());
              worker.start("answers");
              const pid_t server = fork_server_of(::getpid());
              const pid_t child = ::fork();
              if (child == 0) {
                int right = is_refused([&] { worker.messenger().send_norequest(1); });
                right += is_refused([&] { (void)worker.messenger().receive_for<int>(std::chrono::seconds(0)); });
                right += is_refused([&] { worker->stop(); });
                right += is_refused([&] { worker->join(); });
                right += is_refused([&] { worker->kill(); });
                right += is_refused([&] { (void)worker->pid(); });
                right += worker->is_alive() ? 0 : 1;
                // The directory that is being read is the only one more.
                for (const auto& [fd, target] : descriptors_of(::getpid())) {
                  if (!before.contains(target) && !target.ends_with("/fd")) right = -100;
                }
                if (parts::answer("links") != "0") right = -100;
                {
                  Player own(GetParam());
                  own.start("answers");
                  right += own.ask("echo own") == "own" ? 1 : 0;
                  const pid_t own_server = fork_server_of(::getpid());
                  right += is_fork_server() ? own_server > 0 && own_server != server : own_server == -1;
                  Player to_be_stopped_by_exit(GetParam());
                }
                std::exit(right);  // with all that the test program has to destroy
              }
              std::string text = support::end_of(child) + ", " + worker.ask("echo alive");
              Player next(GetParam());
              next.start("answers");
              text += next.ask("echo , next");
              if (fork_server_of(::getpid()) != server) text += ", another server";
              worker->stop();
              next->stop();
              coproc::stop_fork_server();
              return text;
            }),
            "exit 9, alive, next");
}

TEST_P(Inheritance, promise_10_after_daemon_earlier_workers_end_and_new_ones_start) {
  const support::Orphans orphans;
  EXPECT_EQ(in_host([] {
              Player earlier(GetParam());
              earlier.start("answers");
              const int end = static_cast<int>(::syscall(SYS_pidfd_open, earlier->pid(), 0));
              if (::daemon(1, 1) != 0) return std::string("no daemon");
              pollfd entry = {end, POLLIN, 0};
              while (::poll(&entry, 1, -1) != 1) {}
              Player later(GetParam());
              later.start("answers");
              const std::string text = later.ask("echo later");
              later->stop();
              coproc::stop_fork_server();
              return text + (is_refused([&] { earlier->stop(); }) != 0 ? "" : ", and it was this process's");
            }),
            "later");
}

TEST_P(Inheritance, promise_10_popen_and_system_in_host_and_worker) {
  EXPECT_EQ(in_host([] {
              const std::string open = "popen ls /proc/self/fd | tr '\\n' ' '";
              const std::string before = parts::answer(open);
              Player worker(GetParam());
              worker.start("answers");
              std::string text = parts::answer("popen echo host") + worker.ask("popen echo worker") +
                                 parts::answer("system exit 3") + " " + worker.ask("system exit 3");
              // Nothing of coproc's is open in what they run.
              if (parts::answer(open) != before) text += ", in the host: " + parts::answer(open);
              const std::string expected = GetParam() == StartMethod::fork ? before : "0 1 2 3 (0)";
              if (worker.ask(open) != expected) text += ", in the worker: " + worker.ask(open);
              return text + (worker->stop().success() ? "" : "ended badly");
            }),
            "host\n(0)worker\n(0)768 768");
}

}  // namespace
