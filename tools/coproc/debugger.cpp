#include "debugger.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

#include "coproc/detail/foreign_text.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/find_program.hpp"
#include "os/pipe.hpp"
#include "os/poll.hpp"
#include "os/reap.hpp"
#include "os/spawn.hpp"
#include "os/threads_of.hpp"

namespace command {

namespace {

namespace os = coproc::os;
using namespace std::chrono_literals;

constexpr auto kTime = 30s;
constexpr auto kTimeToDetach = 5s;
constexpr std::size_t kMostOutput = 16 << 20;
constexpr std::size_t kMostOfALine = 1000;

struct Command {
  std::string name;
  std::string path;
  std::vector<std::string> arguments;
};

std::optional<Command> debugger_for(pid_t process) {
  const std::string pid = std::to_string(process);
  const std::vector<std::pair<std::string, std::vector<std::string>>> known = {
      {"eu-stack", {"-p", pid}},
      // Nothing that the process's files ask for is executed, and nothing is downloaded.
      {"gdb",
       {"-nx", "-batch", "-iex", "set auto-load off", "-iex", "set debuginfod enabled off", "-iex",
        "set print thread-events off", "-p", pid, "-ex", "thread apply all backtrace"}}};
  for (const auto& [name, arguments] : known) {
    if (const auto path = os::find_program(name)) return Command{name, *path, arguments};
  }
  return std::nullopt;
}

/// Holds back what asks this process to end, until the debugger has let the other process go. Then it is delivered.
/// Nobody else would end the debugger: it starts with SIGINT blocked, as all that os::spawn() starts.
class EndHeldBack {
 public:
  EndHeldBack() {
    sigset_t held;
    (void)::sigemptyset(&held);
    for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) {
      struct sigaction action = {};
      // A signal that is ignored would not be dropped while it is blocked.
      if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) (void)::sigaddset(&held, signal);
    }
    (void)::pthread_sigmask(SIG_BLOCK, &held, &before_);
    has_come_ = os::Fd(::signalfd(-1, &held, SFD_CLOEXEC));
  }
  EndHeldBack(const EndHeldBack&) = delete;
  EndHeldBack& operator=(const EndHeldBack&) = delete;
  ~EndHeldBack() { (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  /// Is readable when a signal has come, and is not to be read: the signal would be lost.
  int fd() const noexcept { return has_come_.get(); }

 private:
  sigset_t before_{};
  os::Fd has_come_;
};

/// Appends what can be read until the end of the output. False: the time is over, it is too much, or `stop` has become
/// readable.
bool read_all(const os::Fd& output, std::string& text, const os::Deadline& deadline, int stop = -1) {
  std::array<char, 4096> piece;
  while (text.size() < kMostOutput) {
    std::array<pollfd, 2> entries = {pollfd{output.get(), POLLIN, 0}, pollfd{stop, POLLIN, 0}};
    if (os::poll_once(entries, deadline) != os::PollEnd::ready && deadline.passed()) return false;
    if (entries[1].revents != 0) return false;
    if (entries[0].revents == 0) continue;
    const ssize_t got = ::read(output.get(), piece.data(), piece.size());
    if (got == 0) return true;
    if (got > 0) text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return false;
}

/// This process's, but for where debug information could be downloaded from while the other process is stopped.
std::vector<std::string> environment_of_debugger() {
  std::vector<std::string> variables = os::environment();
  std::erase_if(variables, [](const std::string& variable) { return variable.starts_with("DEBUGINFOD_URLS="); });
  return variables;
}

/// Whether a thread of the process was stopped by a signal, as by SIGSTOP.
bool is_stopped(pid_t process) {
  return std::ranges::any_of(os::threads_of(process),
                             [](const os::ThreadState& thread) { return thread.state == 'T'; });
}

/// What a debugger prints, to both of its outputs. Sets `is_whole` to false if it had to be ended.
std::string output_of(const Command& command, const EndHeldBack& end, bool& is_whole) {
  os::Pipe pipe = os::Pipe::create_for_output(1 << 16);
  const os::Fd nothing = os::open_file("/dev/null", O_RDWR);
  os::Program program;
  program.path = command.path;
  program.arguments = {command.name};
  program.arguments.insert(program.arguments.end(), command.arguments.begin(), command.arguments.end());
  program.environment = environment_of_debugger();
  program.input = nothing.get();
  program.output = pipe.write_end.get();
  program.blocks_signals = false;
  program.leads_group = true;  // gdb passes the SIGINT of a terminal on to the process that it has stopped
  const pid_t pid = os::spawn(program, os::Fd(), pipe.write_end.get());
  pipe.write_end.reset();
  std::string text;
  is_whole = read_all(pipe.read_end, text, os::Deadline(kTime), end.fd());
  if (!is_whole) {
    (void)::kill(pid, SIGTERM);  // it lets the process go
    text.clear();
    (void)read_all(pipe.read_end, text, os::Deadline(kTimeToDetach));
  }
  (void)::kill(-pid, SIGKILL);  // what it has started, too
  os::kill_and_reap(pid);
  return text;
}

/// "TID 4711:" of eu-stack; "Thread 2 (Thread 0x7f... (LWP 4711) "name"):" of gdb. nullopt: the line is another one.
std::optional<pid_t> thread_in(std::string_view line) {
  for (const std::string_view before : {"TID ", "(LWP ", "(process "}) {
    const std::size_t at = line.find(before);
    if (at == std::string_view::npos || !(line.starts_with("TID ") || line.starts_with("Thread "))) continue;
    pid_t thread = 0;
    const char* const digits = line.data() + at + before.size();
    if (std::from_chars(digits, line.data() + line.size(), thread).ec == std::errc()) return thread;
  }
  return std::nullopt;
}

bool is_refusal(std::string_view line) {
  return line.find("not permitted") != std::string_view::npos || line.find("No such process") != std::string_view::npos;
}

}  // namespace

Debugged debug(pid_t process) {
  Debugged found;
  const auto command = debugger_for(process);
  if (!command) {
    found.problem = "neither eu-stack nor gdb is installed: apt-get install elfutils";
    return found;
  }
  found.name = command->name;
  bool is_whole = true;
  const bool was_stopped = is_stopped(process);
  const EndHeldBack end;
  const std::string text = output_of(*command, end, is_whole);
  // A debugger that was ended may have left a stop behind, which comes when a thread leaves an uninterruptible sleep.
  if (!is_whole && !was_stopped) (void)::kill(process, SIGCONT);
  pid_t thread = process;
  for (std::string_view left = text; !left.empty();) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    if (line.starts_with('#')) {
      found.stacks[thread].push_back(coproc::detail::in_one_line(line, kMostOfALine));
    } else if (const auto next = thread_in(line)) {
      thread = *next;
    } else if (is_refusal(line)) {
      found.problem = command->name + ": " + coproc::detail::in_one_line(line);
    }
  }
  if (!is_whole) found.problem = command->name + " has not ended in time";
  if (found.problem.empty()) found.problem = command->name + " has shown no stack";
  return found;
}

}  // namespace command
