#include "bridged_program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "execute.hpp"
#include "os/close_fds.hpp"
#include "os/stream.hpp"

namespace command {

namespace {

namespace os = coproc::os;

constexpr std::size_t kKeptComplaints = 2048;

struct Ends {
  os::Fd read, write;
};

/// Both ends wait, as programs expect it of theirs, and are closed on exec. None of them has a number below 3.
Ends make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  return {os::above_stdio(os::Fd(fds[0])), os::above_stdio(os::Fd(fds[1]))};
}

/// Only calls that a fork of a process with threads may make.
[[noreturn]] void execute_with(char* const* words, int input, int output, int complaints, int failure, pid_t parent) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it has ended before
  (void)::signal(SIGINT, SIG_IGN);
  (void)::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  (void)::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)::dup2(input, 0);
  (void)::dup2(output, 1);
  (void)::dup2(complaints, 2);
  (void)::dup2(failure, 3);
  (void)::fcntl(3, F_SETFD, FD_CLOEXEC);
  os::close_fds(4, os::kLastFd);
  execute(words, 3);
}

}  // namespace

BridgedProgram::BridgedProgram(const std::vector<std::string>& words) : name_(words.front()) {
  const Words given(words);
  Ends input = make_pipe(), output = make_pipe(), complaints = make_pipe(), failure = make_pipe();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "the process of " + name_);
  if (pid_ == 0) {
    execute_with(given.pointers(), input.read.get(), output.write.get(), complaints.write.get(), failure.write.get(),
                 parent);
  }
  failure.write.reset();
  input_ = std::move(input.write);
  output_ = std::move(output.read);
  complaints_ = std::move(complaints.read);
  for (const int fd : {input_.get(), output_.get(), complaints_.get()}) os::set_non_blocking(fd);
  if (const int number = await_execution(failure.read.get()); number != 0) {
    (void)::waitpid(std::exchange(pid_, -1), nullptr, 0);
    throw std::runtime_error("coproc bridge: the program \"" + name_ + "\" could not be executed: " +
                             std::strerror(number) + ". Give its path, or a name that is in PATH");
  }
}

BridgedProgram::~BridgedProgram() {
  if (pid_ <= 0) return;
  (void)::kill(pid_, SIGKILL);
  (void)::waitpid(pid_, nullptr, 0);
}

std::size_t BridgedProgram::write(std::string_view bytes) {
  const os::Moved moved = os::write_some(input_.get(), std::as_bytes(std::span(bytes)));
  if (moved.is_over) input_.reset();
  return moved.bytes;
}

bool BridgedProgram::read(os::Fd& from, std::string& to, std::size_t most) {
  if (!from || most == 0) return false;
  std::array<std::byte, 16384> buffer;
  const os::Moved moved = os::read_some(from.get(), std::span(buffer).first(std::min(most, buffer.size())));
  to.append(reinterpret_cast<const char*>(buffer.data()), moved.bytes);
  if (moved.is_over) from.reset();
  return moved.bytes != 0;
}

bool BridgedProgram::read_complaints() {
  std::string text;
  if (!read(complaints_, text, 16384)) return false;
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = ::write(2, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) break;  // there is no stderr to pass it on to
    if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
  }
  last_complaints_ += text;
  if (last_complaints_.size() > kKeptComplaints) last_complaints_.erase(0, last_complaints_.size() - kKeptComplaints);
  return true;
}

bool BridgedProgram::has_ended() const noexcept {
  siginfo_t info = {};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
}

void BridgedProgram::signal(int number) noexcept {
  if (pid_ > 0) (void)::kill(pid_, number);
}

int BridgedProgram::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  return status;
}

}  // namespace command
