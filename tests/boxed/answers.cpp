// What boxed workers answer.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "boxed/attempts.hpp"

using coproc::PriorityMessenger;

namespace boxed {

namespace {

__attribute__((noinline)) void dereference_null() {
  static int* volatile nothing = nullptr;
  *nothing = 1;
}

__attribute__((noinline)) void spin_for_ever() {
  for (std::atomic<bool> for_ever{true}; for_ever;) {}
}

/// Has many threads at once, which allocate and use locks.
std::string use_threads() {
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int i = 1; i <= 8; ++i) {
    threads.emplace_back([&sum, i] {
      const std::vector<int> many(100'000, i);
      sum += static_cast<int>(std::count(many.begin(), many.end(), i) / 100'000) * i;
    });
  }
  for (std::thread& each : threads) each.join();
  return std::to_string(sum.load());
}

/// Takes more memory from the allocator than a thread keeps, in many blocks, and returns all of it.
std::string return_memory() {
  std::vector<std::string> many;
  for (int i = 0; i < 50; ++i) many.emplace_back(100'000, 'x');
  return "returned";
}

/// A pair of messengers between two threads of this worker.
std::string use_pair() {
  auto [here, there] = PriorityMessenger::new_pair();
  std::thread other([&there = there] { there.send_reply(there.receive_blocking<std::string>() + "!"); });
  here.send_request(std::string(300'000, 'p'));
  const std::string text = here.receive_blocking<std::string>();
  other.join();
  return std::to_string(text.size());
}

std::string allocate(std::size_t bytes) {
  try {
    std::unique_ptr<char[]> memory(new char[bytes]);
    std::memset(memory.get(), 1, bytes);
    return "has " + std::to_string(std::count(memory.get(), memory.get() + bytes, 1));
  } catch (const std::bad_alloc&) {
    return "bad_alloc";
  }
}

/// Opens copies of a descriptor until that fails.
std::string count_descriptors() {
  std::vector<int> copies;
  while (copies.empty() || copies.back() >= 0) copies.push_back(::fcntl(STDERR_FILENO, F_DUPFD, 0));
  const std::string text = name_of_error(errno) + " after " + std::to_string(copies[copies.size() - 2] + 1);
  for (const int fd : copies) ::close(fd);
  return text;
}

std::string write_file(int fd, std::size_t bytes) {
  const std::string text(bytes, 'f');
  const ssize_t written = ::write(fd, text.data(), text.size());
  return written < 0 ? name_of_error(errno) : "wrote " + std::to_string(written);
}

std::string limit(int kind) {
  rlimit now{};
  ::getrlimit(static_cast<__rlimit_resource>(kind), &now);
  return std::to_string(now.rlim_cur) + " " + std::to_string(now.rlim_max);
}

std::string confine_again(const std::string& preset) {
  const auto box = preset == "files"    ? coproc::Sandbox::files()
                   : preset == "strict" ? coproc::Sandbox::compute().strict()
                                        : coproc::Sandbox::compute();
  return coproc::this_worker::confine(box).describe();
}

std::string answer(const std::string& question) {
  const auto space = question.find(' ');
  const std::string word = question.substr(0, space);
  const std::string about = space == std::string::npos ? "" : question.substr(space + 1);
  if (word == "echo") return about;
  if (word == "pid") return std::to_string(::getpid());
  if (word == "throw") throw std::out_of_range(about);
  if (word == "crash") dereference_null();
  if (word == "abort") ::abort();
  if (word == "spin") spin_for_ever();
  if (word == "print") return std::fprintf(stderr, "%s\n", about.c_str()) > 0 ? "printed" : "not printed";
  if (word == "print_out") return std::printf("%s\n", about.c_str()) > 0 && std::fflush(stdout) == 0 ? "printed" : "no";
  if (word == "threads") return use_threads();
  if (word == "return_memory") return return_memory();
  if (word == "return_memory_in_a_thread") return std::thread(return_memory).join(), "returned";
  if (word == "pair") return use_pair();
  if (word == "allocate") return allocate(std::stoul(about));
  if (word == "descriptors") return count_descriptors();
  if (word == "write_file") return write_file(std::stoi(about), 4096);
  if (word == "limit") return limit(std::stoi(about));
  if (word == "nice") return std::to_string(::getpriority(PRIO_PROCESS, 0));
  if (word == "confine") return confine_again(about);
  if (word == "raise") return ::raise(std::stoi(about)) == 0 ? "raised" : "not raised";
  const auto second = about.find(' ');
  if (word == "try") {
    return attempt(about.substr(0, second), second == std::string::npos ? "" : about.substr(second + 1));
  }
  return "an unknown question: " + question;
}

}  // namespace

void answer_questions(PriorityMessenger& host, bool confines_itself) {
  if (confines_itself) coproc::this_worker::confine(coproc::Sandbox::compute());
  while (true) {
    const std::string question = host.receive_blocking<std::string>();
    if (question != "spin after this") {
      host.send_reply(answer(question));
      continue;
    }
    host.send_reply(std::string("spins"));
    spin_for_ever();
  }
}

}  // namespace boxed
