#include "conformance/parts.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

using namespace std::chrono_literals;
using coproc::HostDiedError;
using coproc::PriorityMessenger;

namespace parts {

namespace {

void say(int fd, char c) {
  if (fd >= 0) (void)!::write(fd, &c, 1);
}

/// Where this program's exit handlers and static destructors write to.
int witness_fd = -1;
struct Witness {
  Witness() {
    std::atexit([] { say(witness_fd, 'h'); });
  }
  ~Witness() { say(witness_fd, 'd'); }
};
const Witness witness;

void send_until_full(PriorityMessenger& host, int fd) {
  const std::string text(1000, 'x');
  while (host.try_send(text)) {}
  say(fd, 'b');
  for (;;) host.send_norequest(text);
}

void poll(PriorityMessenger& host, int fd) {
  try {
    for (;;) (void)host.receive_for<int>(0s);
  } catch (const HostDiedError&) {
    say(fd, 'd');
    throw;
  }
}

void cling(PriorityMessenger& host) {
  for (;;) {
    try {
      (void)host.receive_blocking<int>();
    } catch (const HostDiedError&) {}
  }
}

void end_by(const std::string& way, int fd) {
  witness_fd = fd;
  std::printf("printf ");
  std::cout << "cout ";
  if (way == "exit") std::exit(5);
  if (way == "_exit") ::_exit(6);
  if (way == "quick_exit") std::quick_exit(7);
  if (way == "pthread_exit") ::pthread_exit(nullptr);
}

struct AtItsEnd {
  int fd;
  char c;
  ~AtItsEnd() { say(fd, c); }
};

/// What is made here is the worker's own.
void write_to(int fd) {
  witness_fd = fd;
  static const AtItsEnd object{fd, 's'};
  static std::ofstream stream("/proc/self/fd/" + std::to_string(fd), std::ios::app);
  thread_local const AtItsEnd of_thread{fd, 't'};
  (void)of_thread;
  stream << 'o';
  std::fputc('f', ::fdopen(::dup(fd), "a"));
  static int fd_of_handler;
  fd_of_handler = fd;
  std::atexit([] { say(fd_of_handler, 'a'); });
}

std::string describe_signal(int number) {
  struct sigaction action {};
  sigset_t mask;
  ::sigaction(number, nullptr, &action);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  const std::string blocked = sigismember(&mask, number) == 1 ? ", blocked" : "";
  return (action.sa_handler == SIG_DFL ? "default" : action.sa_handler == SIG_IGN ? "ignored" : "handled") + blocked;
}

std::string output_of(const std::string& command) {
  std::FILE* const out = ::popen(command.c_str(), "r");
  std::string text;
  for (int c; (c = std::fgetc(out)) != EOF;) text += static_cast<char>(c);
  const int status = ::pclose(out);
  return text + "(" + std::to_string(status) + ")";
}

std::string processors() {
  cpu_set_t allowed;
  ::sched_getaffinity(0, sizeof allowed, &allowed);
  std::string text;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<unsigned>(cpu), &allowed)) text += std::to_string(cpu) + " ";
  }
  return text;
}

std::string target_of(const std::string& fd) {
  char text[4096];
  const ssize_t length = ::readlink(("/proc/self/fd/" + fd).c_str(), text, sizeof text);
  return length < 0 ? "none" : std::string(text, static_cast<std::size_t>(length));
}

int count_links() {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find("coproc-link") != std::string::npos ? 1 : 0;
  return count;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A line of /proc/self/status.
std::string status_of(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ':')) return line;
  }
  return "none";
}

std::string limit_on_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return std::to_string(limit.rlim_cur);
}

}  // namespace

std::string answer(const std::string& question) {
  const auto space = question.find(' ');
  const std::string word = question.substr(0, space);
  const std::string about = space == std::string::npos ? "" : question.substr(space + 1);
  if (word == "echo") return about;
  if (word == "print") return std::printf("%s", about.c_str()), std::fflush(stdout), "printed";
  if (word == "directory") return std::filesystem::current_path();
  if (word == "variable") return ::getenv(about.c_str()) == nullptr ? "none" : ::getenv(about.c_str());
  if (word == "descriptor") return target_of(about);
  if (word == "links") return std::to_string(count_links());
  if (word == "signal") return describe_signal(std::stoi(about));
  if (word == "raise") return ::raise(std::stoi(about)), "alive";
  if (word == "processors") return processors();
  if (word == "limit") return limit_on_descriptors();
  if (word == "group") return std::to_string(::getegid());
  if (word == "pid") return std::to_string(::getpid());
  if (word == "nice") return std::to_string(::getpriority(PRIO_PROCESS, 0));
  if (word == "file") return text_of(about);
  if (word == "status") return status_of(about);
  if (word == "mkdir") return ::mkdir(about.c_str(), 0700) == 0 ? ::rmdir(about.c_str()), "may" : std::strerror(errno);
  if (word == "session") return std::to_string(::getsid(0)) + " " + std::to_string(::getpgrp());
  if (word == "popen") return output_of(about);
  if (word == "system") return std::to_string(std::system(about.c_str()));
  return "an unknown question";
}

void play(PriorityMessenger& host, const std::string& part, int fd) {
  if (part == "writes") return write_to(fd);
  if (part == "writes and exits") write_to(fd), std::exit(0);
  if (part == "returns" || part.ends_with("exit")) return end_by(part, fd);
  say(fd, 'b');
  if (part == "closes") ::close_range(3, 199, 0);
  if (part == "stops") ::raise(SIGSTOP);
  if (part == "receives" || part == "closes") (void)host.receive_blocking<int>();
  if (part == "sends") send_until_full(host, fd);
  if (part == "polls") poll(host, fd);
  if (part == "clings") cling(host);
  while (part == "answers") host.send_reply(answer(host.receive_blocking<std::string>()));
  for (std::atomic<bool> for_ever{true}; for_ever;) {}
}

void play_there(PriorityMessenger& host, const std::string& part, const std::string& file) {
  play(host, part, file.empty() ? -1 : ::open(file.c_str(), O_WRONLY));
}

}  // namespace parts
