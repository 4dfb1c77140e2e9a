// Nothing is lost or left behind: promises 5 to 10 (9 in
// tests/conformance/life_test.cpp).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <coproc/coproc.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

using namespace std::chrono_literals;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

struct CustomError {
  int code = 0;
  std::string detail;
};
struct UnheardOf {};  // never sent by name: no program here knows it

struct ThrowingCodec {
  bool throws = false;
};

std::set<std::string> open_descriptors(int pid) {
  std::set<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code ignored;
    all.insert(std::filesystem::read_symlink(entry, ignored).string());
  }
  return all;
}

/// "pipe:[123]" and the like: what only one worker may hold.
std::set<std::string> pipes_of(int pid) {
  std::set<std::string> pipes;
  for (const auto& name : open_descriptors(pid)) {
    if (name.starts_with("pipe:")) pipes.insert(name);
  }
  return pipes;
}

int count_mappings(int pid, const std::string& of) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(of) != std::string::npos ? 1 : 0;
  return count;
}

int sleeps_for_ever(PriorityMessenger&) {
  while (true) ::pause();
}

/// "10,000 cycles leave the process as it was": fewer here, so that the suite stays quick; COPROC_START_CYCLES says
/// more.
int start_cycles() {
  const char* cycles = std::getenv("COPROC_START_CYCLES");
  return cycles != nullptr ? std::atoi(cycles) : 500;
}

}  // namespace

template <>
struct coproc::Codec<ThrowingCodec> {
  static constexpr std::string_view name = "ThrowingCodec";
  static void encode(Encoder& encoder, const ThrowingCodec& value) {
    coproc::encode(encoder, std::string(1000, 'x'));
    if (value.throws) throw std::domain_error("this codec throws");
  }
  static ThrowingCodec decode(Decoder& decoder) {
    (void)coproc::decode<std::string>(decoder);
    return {};
  }
};

TEST(Promises, promise_05_nothing_is_lost_doubled_or_reordered) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr std::uint32_t kMessages = 3000;
  WorkerResource worker{[seed](PriorityMessenger& host) {
    std::mt19937 random(seed);
    std::uint32_t number[3][3] = {};
    for (std::uint32_t i = 0; i < kMessages; ++i) {
      const auto lane = static_cast<std::uint32_t>(random() % 3);
      const auto level = static_cast<std::uint32_t>(random() % 3);
      const std::size_t bytes = random() % 20 == 0 ? random() % 200000 : random() % 2000;  // some take many fragments
      host.send_norequest(
          std::tuple(lane, level, number[lane][level]++, std::string(bytes, static_cast<char>('a' + bytes % 26))), lane,
          {.priority = level});
      if (random() % 500 == 0) host.send_error(CustomError{1, "in the middle"});
    }
    ::raise(SIGKILL);  // right after the last send has returned
  }};
  worker.start();
  std::uint32_t next[3][3] = {};
  std::uint32_t received = 0;
  while (received < kMessages) {
    try {
      const auto message = *worker.messenger().receive_any({0, 1, 2});
      const auto [lane, level, number, text] =
          message.get<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::string>>();
      ASSERT_EQ(message.channel(), coproc::ChannelId(lane));
      ASSERT_EQ(number, next[lane][level]++);
      ASSERT_EQ(text, std::string(text.size(), static_cast<char>('a' + text.size() % 26)));
      ++received;
    } catch (const CustomError&) {}
  }
  EXPECT_THROW(worker.messenger().receive_any({0, 1, 2}), coproc::WorkerDiedError);
}

TEST(Promises, promise_06_a_failed_send_leaves_everything_as_it_was) {
  auto [a, b] = PriorityMessenger::new_pair({.ring_bytes = 4096, .max_message_bytes = 100000});
  EXPECT_THROW(a.send_request(ThrowingCodec{true}), std::domain_error);
  EXPECT_THROW(a.send_request(std::string(100001, 'x')), coproc::MessageTooLargeError);
  EXPECT_THROW(a.send_request(1, {}, {.priority = std::numeric_limits<double>::quiet_NaN()}),
               coproc::InvalidArgumentError);
  // Fragments of this one are out when its time is over; the receiver must drop them.
  EXPECT_THROW(a.send_request(std::string(50000, 'x'), {}, {.timeout = 1ms}), coproc::TimeoutError);
  EXPECT_EQ(a.counts(), coproc::ChannelCounts{});
  EXPECT_EQ(b.available(), 0u);
  a.send_request(ThrowingCodec{false});
  a.send_request("after");
  EXPECT_EQ(a.remaining(), 2u);
  b.receive_blocking<ThrowingCodec>();
  EXPECT_EQ(b.receive_blocking<std::string>(), "after");
  EXPECT_EQ(b.available(), 0u);
}

TEST(Promises, promise_07_an_exception_that_leaves_the_target_reaches_the_host) {
  WorkerResource worker{[](PriorityMessenger& host) {
                          host.send_norequest(1);
                          throw std::out_of_range("beyond the end");
                        },
                        {.name = "thrower"}};
  worker.start();
  const int pid = worker.pid();
  try {
    while (true) worker.messenger().receive_blocking<int>();
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "beyond the end");
    const auto& origin = dynamic_cast<const coproc::RemoteOrigin&>(error);
    EXPECT_EQ(origin.peer(), "thrower");
    EXPECT_EQ(origin.peer_pid(), pid);
  }
  const auto status = worker.join();
  EXPECT_EQ(status.code(), 1);
  EXPECT_EQ(status.exception_text, "std::out_of_range: beyond the end");
  EXPECT_THROW(std::rethrow_exception(status.exception), std::out_of_range);
}

TEST(Promises, promise_07_an_unknown_exception_arrives_as_RemoteError) {
  WorkerResource worker{[](PriorityMessenger&) { throw UnheardOf(); }};
  worker.start();
  try {
    worker.messenger().receive_blocking();
    FAIL();
  } catch (const coproc::RemoteError& error) {
    EXPECT_NE(error.type_name().find("UnheardOf"), std::string::npos) << error.what();
    EXPECT_EQ(error.peer_pid(), worker.pid());
  }
  EXPECT_EQ(worker.join().code(), 1);
  WorkerResource known{[](PriorityMessenger&) { throw CustomError{3, "text"}; }};
  known.start();
  EXPECT_THROW(known.messenger().receive_blocking(), CustomError);  // sent by name in another test: known
}

TEST(Promises, promise_08_nothing_is_left_behind) {
  const auto before = open_descriptors(::getpid()).size();
  const int mappings = count_mappings(::getpid(), "coproc");
  for (int i = 0; i < start_cycles(); ++i) {
    WorkerResource worker{sleeps_for_ever};
    worker.start();
    worker.kill();
    worker.join();
  }
  for (int i = 0; i < 20; ++i) {
    WorkerResource worker{sleeps_for_ever, {.working_directory = "/no/such"}};
    EXPECT_THROW(worker.start(), coproc::StartError);
  }
  coproc::stop_fork_server();
  EXPECT_EQ(open_descriptors(::getpid()).size(), before);
  EXPECT_EQ(count_mappings(::getpid(), "coproc"), mappings);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
  EXPECT_EQ(errno, ECHILD);
}

TEST(Promises, promise_08_a_worker_takes_four_descriptors_of_its_host) {
  const auto echo = [](PriorityMessenger& host) {
    for (;;) host.send_reply(host.receive_blocking<std::string>());
  };
  const auto start = [&](auto& worker) {
    worker.start();
    worker.messenger().send_request(std::string(100'000, 'x'));  // with loans
    EXPECT_EQ(worker.messenger().template receive_blocking<std::string>().size(), 100'000u);
  };
  WorkerResource first{echo};
  start(first);
  EXPECT_FALSE(first.messenger().receive_for<int>(10ms));  // this thread sleeps, and has its event from then on
  const auto count = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = count();
  WorkerResource second{echo};
  start(second);
  EXPECT_EQ(count(), before + 4);  // two pipes that wake, its lifeline, its pidfd
  WorkerResource third{echo, {.capture_stderr = true}};
  start(third);
  EXPECT_EQ(count(), before + 9);
}

TEST(Promises, promise_10_a_worker_holds_nothing_of_other_workers_links) {
  const auto inherited = pipes_of(::getpid());  // the test program's own, such as its stdout
  WorkerResource first{[](PriorityMessenger& host) {
    host.send_norequest(0);
    (void)host.receive_blocking<int>();
  }};
  WorkerResource second{[](PriorityMessenger& host) {
    host.send_norequest(0);
    (void)host.receive_blocking<int>();
  }};
  first.start();
  second.start();
  first.messenger().receive_blocking<int>();
  second.messenger().receive_blocking<int>();
  const auto of_second = pipes_of(second.pid());
  for (const auto& pipe : pipes_of(first.pid()))
    EXPECT_TRUE(!of_second.contains(pipe) || inherited.contains(pipe)) << pipe;
  EXPECT_EQ(count_mappings(second.pid(), "coproc-link"), 1);
  EXPECT_EQ(count_mappings(first.pid(), "coproc-link"), 1);
  // A pair's end in the host: closing it is seen at once, although workers were forked while it was open.
  auto pair = PriorityMessenger::new_pair();
  WorkerResource third{sleeps_for_ever, {.stop = {.close = 0s}}};
  third.start();
  { const auto gone = std::move(pair.first); }
  EXPECT_THROW(pair.second.receive_blocking(), coproc::PeerClosedError);
}

TEST(Promises, promise_10_inherit_fds_false_leaves_only_what_is_kept) {
  int extra[2];
  ASSERT_EQ(::pipe(extra), 0);
  for (const bool inherits : {true, false}) {
    WorkerResource worker{[](PriorityMessenger& host, int kept, int other) {
                            host.send_norequest(std::pair(::fcntl(kept, F_GETFD) >= 0, ::fcntl(other, F_GETFD) >= 0));
                          },
                          {.method = coproc::StartMethod::fork, .keep_fds = {extra[0]}, .inherit_fds = inherits}};
    worker.start(extra[0], extra[1]);
    EXPECT_EQ((worker.messenger().receive_blocking<std::pair<bool, bool>>()), std::pair(true, inherits));
  }
  ::close(extra[0]);
  ::close(extra[1]);
}

TEST(Promises, promise_10_objects_know_their_process) {
  WorkerResource worker{[](PriorityMessenger& host) {
    while (true) host.send_reply(host.receive_blocking<int>());
  }};
  worker.start();
  const pid_t child = ::fork();
  if (child == 0) {
    int right = 0;
    try {
      worker.messenger().send_norequest(1);
    } catch (const coproc::NotOwnerError&) {
      ++right;
    }
    try {
      worker.stop();
    } catch (const coproc::NotOwnerError&) {
      ++right;
    }
    {
      auto gone = std::move(worker);  // its destructor must not end the parent's worker
    }
    ::_exit(right);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 2);
  worker.messenger().send_request(5);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 5);
}
