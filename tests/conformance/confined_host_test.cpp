// Promises 10 and 14, by every start method: workers start where the system refuses some of its calls, and in a host
// that has given up rights since its first worker they have no more than it has now.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "conformance/player.hpp"
#include "os/sanitizer.hpp"
#include "support/process.hpp"
#include "support/seccomp.hpp"

using coproc::StartMethod;
using parts::Player;
using support::in_host;
using support::refuse_calls;
using ::testing::HasSubstr;

namespace {

class ConfinedHost : public parts::ByEveryWay {};
INSTANTIATE_TEST_SUITE_P(By, ConfinedHost, parts::every_way(), parts::name_of_way);

std::string answer_of_a_worker(const parts::Way& way, const std::string& question) {
  Player worker(way);
  worker.start("answers");
  std::string text = worker.ask(question);
  return text + (worker->stop().success() ? "" : ", ended badly");
}

bool is_root() { return ::geteuid() == 0; }

void become_nobody() {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) {
    throw std::runtime_error("not root");
  }
}

TEST_P(ConfinedHost, promise_14_workers_start_where_a_later_filter_refuses_descriptors_of_processes) {
  for (const int reason : {ENOSYS, EPERM, EACCES}) {
    const std::string text = in_host([&] {
      const std::string before = answer_of_a_worker(GetParam(), "echo alive, ");
      refuse_calls({{SYS_pidfd_open, reason}});
      return before + answer_of_a_worker(GetParam(), "echo alive");
    });
    if (GetParam().needs_pidfd_open()) {
      EXPECT_THAT(text, ::testing::HasSubstr("could not be started: no descriptor for its process could be opened"));
    } else {
      EXPECT_EQ(text, "alive, alive") << reason;
    }
  }
}

TEST_P(ConfinedHost, promise_14_workers_start_where_newer_calls_are_refused) {
  for (const int reason : {ENOSYS, EPERM, EINVAL}) {
    EXPECT_EQ(in_host([&] {
                refuse_calls({{SYS_clone3, reason}, {SYS_close_range, reason}});
                return answer_of_a_worker(GetParam(), "echo alive");
              }),
              "alive")
        << reason;
  }
}

TEST_P(ConfinedHost, promise_03_workers_are_killed_where_signals_by_pidfd_are_refused) {
  EXPECT_EQ(in_host([] {
              refuse_calls({{SYS_pidfd_send_signal, ENOSYS}});
              const std::string text = answer_of_a_worker(GetParam(), "echo alive");
              Player worker(GetParam());
              worker.start("answers");
              worker->kill();
              return text + (worker->join().signal() == SIGKILL ? ", killed" : ", ended otherwise");
            }),
            "alive, killed");
}

TEST_P(ConfinedHost, promise_14_workers_start_where_the_lists_of_robust_mutexes_cannot_be_had) {
  EXPECT_EQ(in_host([] {
              refuse_calls({{SYS_get_robust_list, ENOSYS}, {SYS_set_robust_list, ENOSYS}});
              return answer_of_a_worker(GetParam(), "echo alive");
            }),
            "alive");
}

TEST_P(ConfinedHost, promise_14_workers_start_where_the_kernel_does_not_tell_the_place_of_a_threads_id) {
  EXPECT_EQ(in_host([] {
              refuse_calls({{SYS_prctl, EINVAL, 40}});  // PR_GET_TID_ADDRESS, and others that have one of its bits
              return answer_of_a_worker(GetParam(), "echo alive");
            }),
            "alive");
}

TEST_P(ConfinedHost, promise_14_workers_start_in_a_pid_namespace_whose_first_process_is_the_server) {
  const std::string text = in_host([] {
    if (::unshare(CLONE_NEWPID) != 0) return std::string("may not");
    coproc::start_fork_server();
    const std::string first = answer_of_a_worker(GetParam(), "echo alive");
    Player worker(GetParam());
    worker.start("answers");
    const std::string pid = worker->pid() == std::stoi(worker.ask("pid")) ? ", with its own number" : "";
    worker->kill();
    worker->join();
    coproc::stop_fork_server();
    return first + pid + ", " + answer_of_a_worker(GetParam(), "echo alive");
  });
  if (text == "may not") GTEST_SKIP() << "only root may make a PID namespace";
  EXPECT_EQ(text, GetParam().has_its_own_number() ? "alive, with its own number, alive" : "alive, alive");
}

TEST(ConfinedHost, promise_14_a_pid_namespace_that_has_ended_is_named_and_no_limit_is_guessed_at) {
  const std::string text = in_host([] {
    if (::unshare(CLONE_NEWPID) != 0) return std::string("may not");
    std::string all = answer_of_a_worker(StartMethod::spawn, "echo alive");
    for (const StartMethod method : {StartMethod::spawn, StartMethod::fork, StartMethod::fork_server}) {
      try {
        all += answer_of_a_worker(method, "echo alive");
      } catch (const coproc::StartError& error) {
        all += std::string(error.what()).find("a limit") == std::string::npos ? "; " : "; a limit? ";
        all +=
            std::string(error.what()).find("ends for good with the first process") != std::string::npos ? "named" : "";
      }
    }
    return all;
  });
  if (text == "may not") GTEST_SKIP() << "only root may make a PID namespace";
  EXPECT_EQ(text, "alive; named; named; named");
}

TEST_P(ConfinedHost, promise_14_workers_start_without_proc) {
  if (coproc::os::kHasAddressSanitizer) {
    GTEST_SKIP() << "the address sanitizer itself needs /proc: without it exceptions end in false reports";
  }
  const std::string text = in_host([] {
    if (::unshare(CLONE_NEWNS) != 0) return std::string("may not");
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::umount2("/proc", MNT_DETACH) != 0) return std::string("may not");
    return answer_of_a_worker(GetParam(), "echo alive");
  });
  if (text == "may not") GTEST_SKIP() << "only root may unmount /proc";
  EXPECT_EQ(text, "alive");
}

TEST_P(ConfinedHost, promise_10_a_host_that_gave_up_its_user_goes_on) {
  if (!is_root()) GTEST_SKIP() << "only root may";
  EXPECT_EQ(in_host([] {
              coproc::start_fork_server();
              const pid_t server = support::fork_server_of(::getpid());
              std::string text = answer_of_a_worker(GetParam(), "echo alive");
              become_nobody();
              for (int i = 0; i < 2; ++i) text += ", " + answer_of_a_worker(GetParam(), "status Uid");
              if (GetParam() == StartMethod::fork_server && support::state_of(server) != '?') text += ", server lives";
              return text;
            }),
            "alive, Uid:\t65534\t65534\t65534\t65534, Uid:\t65534\t65534\t65534\t65534");
}

TEST_P(ConfinedHost, promise_10_a_worker_may_no_more_than_a_host_that_confined_itself_since) {
  EXPECT_EQ(in_host([] {
              const std::string place =
                  std::filesystem::temp_directory_path() / ("confined" + std::to_string(::getpid()));
              std::string text = answer_of_a_worker(GetParam(), "mkdir " + place);
              refuse_calls({{SYS_mkdir, ENOTTY}});
              text += ", " + answer_of_a_worker(GetParam(), "mkdir " + place);
              refuse_calls({{SYS_rmdir, ENOTTY}});  // a second filter in the same mode
              return text + ", " + answer_of_a_worker(GetParam(), "status Seccomp_filters");
            }),
            "may, Inappropriate ioctl for device, " + parts::answer("status Seccomp_filters").substr(0, 17) + "2");
}

TEST_P(ConfinedHost, promise_14_workers_start_from_a_directory_that_may_not_be_entered) {
  if (!is_root()) GTEST_SKIP() << "only root has such a directory";
  const std::string place = std::filesystem::temp_directory_path() / ("closed" + std::to_string(::getpid()));
  ASSERT_EQ(::mkdir(place.c_str(), 0700), 0);
  EXPECT_EQ(in_host([&] {
              if (::chdir(place.c_str()) != 0) return std::string("no directory");
              become_nobody();
              return answer_of_a_worker(GetParam(), "echo alive");
            }),
            "alive");
  ::rmdir(place.c_str());
}

/// Files of the program's own at all numbers that were free, so that coproc's old ones are among them.
class OwnFiles {
 public:
  OwnFiles() {
    while (files_.empty() || files_.back() < 150) {
      const int fd = ::memfd_create("own", 0);
      if (fd < 0 || ::write(fd, "mine", 4) != 4) throw std::runtime_error("no file");
      files_.push_back(fd);
    }
  }
  /// "", or what was done to one of them.
  std::string changes() const {
    for (const int fd : files_) {
      char text[16];
      struct stat file {};
      if (::fstat(fd, &file) != 0) return std::to_string(fd) + " was closed";
      if (file.st_size != 4 || ::pread(fd, text, 4, 0) != 4 || std::memcmp(text, "mine", 4) != 0) {
        return std::to_string(fd) + " was written to";
      }
      if (::lseek(fd, 0, SEEK_CUR) != 4) return std::to_string(fd) + " was read from";
    }
    return {};
  }

 private:
  std::vector<int> files_;
};

TEST_P(ConfinedHost, promise_10_a_host_that_closes_all_descriptors_goes_on_and_keeps_its_files_as_they_are) {
  EXPECT_EQ(in_host([] {
              std::string text;
              {
                Player worker(GetParam());
                worker.start("answers");
                text += worker.ask("echo alive");
                ::close_range(3, 199, 0);
                const OwnFiles files;
                try {
                  (void)worker.ask("echo still");  // which it hears while it does not sleep
                } catch (const coproc::LinkClosedError&) {}
                text += ", " + answer_of_a_worker(GetParam(), "echo another");
                text += files.changes();
                worker->kill();
                worker->join();  // by that, or since it has lost its host
                text += ", ended";
                text += files.changes();
                coproc::stop_fork_server();
                text += files.changes();
              }
              return text;
            }),
            "alive, another, ended");
}

TEST_P(ConfinedHost, promise_07_a_worker_that_closes_all_descriptors_says_so) {
  Player worker(GetParam());
  worker.start("closes");
  try {
    worker.messenger().receive_blocking<int>();
    ADD_FAILURE() << "it said something";
  } catch (const coproc::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("closed the descriptors of this link"));
  }
  EXPECT_EQ(worker->join().code(), 1);
}

}  // namespace

TEST(ConfinedHost, promise_14_spawn_takes_over_where_the_fork_server_cannot_fork) {
  EXPECT_THAT(in_host([] {
                refuse_calls({{SYS_clone3, ENOSYS}, {SYS_clone, EACCES, CLONE_PARENT}});
                std::string text;
                for (int i = 0; i < 2; ++i) {
                  coproc::WorkerResource worker{&parts::play};
                  worker.start("answers", -1);
                  worker.messenger().send_request(std::string("echo alive"));
                  text += worker.messenger().receive_blocking<std::string>() + ", ";
                  text += worker.stop().start_note + "; ";
                }
                coproc::WorkerResource worker{&parts::play, {.method = StartMethod::fork_server}};
                try {
                  worker.start("answers", -1);
                } catch (const coproc::StartError& error) {
                  text += error.what();
                }
                return text;
              }),
              ::testing::MatchesRegex("alive, the fork server cannot fork: .*; alive, the fork server cannot fork: .*; "
                                      ".*CLONE_PARENT.*Permission denied.*"));
}
