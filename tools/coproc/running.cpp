#include "running.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include "execute.hpp"
#include "os/clock.hpp"
#include "os/pipe.hpp"
#include "os/poll.hpp"

namespace command {

namespace {

namespace os = coproc::os;

std::atomic<pid_t> pid_to_signal{0};
static_assert(std::atomic<pid_t>::is_always_lock_free);

void pass_on(int signal) {
  if (const pid_t pid = pid_to_signal.load(); pid > 0) (void)::kill(pid, signal);
}

/// What is different for the command.
constexpr std::array<int, 4> kSignals = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};

using Actions = std::array<struct sigaction, kSignals.size()>;

Actions take_signals() {
  Actions before = {};
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    (void)::sigaction(kSignals[i], nullptr, &before[i]);
    if (before[i].sa_handler == SIG_IGN) continue;  // nohup, or a shell's background
    struct sigaction action = {};
    action.sa_handler = kSignals[i] == SIGINT || kSignals[i] == SIGQUIT ? SIG_IGN : &pass_on;
    (void)::sigaction(kSignals[i], &action, nullptr);
  }
  return before;
}

/// Only calls that a fork of a process with threads may make.
[[noreturn]] void execute_when_told(char* const* words, int gate, int error, const Actions& signals) {
  for (std::size_t i = 0; i < kSignals.size(); ++i) (void)::sigaction(kSignals[i], &signals[i], nullptr);
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(gate, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) ::_exit(126);
  execute(words, error);
}

}  // namespace

Running::Running(const std::vector<std::string>& words) : name_(words.front()) {
  const Words given(words);
  auto gate = os::Pipe::create_for_input();
  auto error = os::Pipe::create_for_input();
  const Actions before = take_signals();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "the command's process could not be made");
  if (pid_ == 0) {
    gate.write_end.reset();  // else its own end would keep it waiting
    execute_when_told(given.pointers(), gate.read_end.get(), error.write_end.get(), before);
  }
  pid_to_signal = pid_;
  gate_ = std::move(gate.write_end);
  error_ = std::move(error.read_end);
  pidfd_ = os::Pidfd::open(pid_);
}

Running::~Running() {
  pid_to_signal = 0;
  if (pid_ <= 0) return;
  gate_.reset();
  (void)::kill(pid_, SIGKILL);
  (void)::waitpid(pid_, nullptr, 0);
}

int Running::go_on() {
  const char byte = 0;
  (void)!::write(gate_.get(), &byte, 1);
  const int number = await_execution(error_.get());
  if (number == 0) return 0;
  std::fprintf(stderr, "coproc: %s could not be executed: %s\n", name_.c_str(), std::strerror(number));
  while (!has_ended()) wait(std::chrono::seconds(1));
  return exit_code();
}

void Running::wait(std::chrono::nanoseconds longest) const {
  pollfd entry = {pidfd_.fd(), POLLIN, 0};
  (void)os::poll_once({&entry, 1}, os::Deadline(longest));
}

int Running::exit_code() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  pid_to_signal = 0;
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace command
