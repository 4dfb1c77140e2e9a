#include "os/threads_of.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "os/directory.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"
#include "os/proc_stat.hpp"

namespace coproc::inline v0::os {

namespace {

/// The file `syscall` of this folder of /proc: "202 0x7f... ...", "-1 ..." if the thread sleeps in no call, or
/// "running". Only who may trace the process may read it.
std::optional<int> call_of(const std::string& directory) {
  const std::string text = read_text(directory + "/syscall").value_or("");
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  return number;
}

std::string status_of(pid_t process) { return read_text("/proc/" + std::to_string(process) + "/status").value_or(""); }

/// What stands behind `name` in a text of lines, and what follows; empty if it is not there. The first line is not
/// searched.
std::string_view field_of(const std::string& status, std::string_view name) {
  const std::size_t at = status.find(name);
  return at == std::string::npos ? std::string_view() : std::string_view(status).substr(at + name.size());
}

ThreadState thread_at(const std::string& directory, pid_t id) {
  ThreadState thread{.id = id, .name = {}};
  const std::optional<ProcStat> stat = read_proc_stat(directory);
  if (!stat) return thread;
  thread.name = stat->name;
  thread.state = stat->state;
  thread.call = call_of(directory);
  return thread;
}

}  // namespace

std::vector<ThreadState> threads_of(pid_t process) {
  std::vector<ThreadState> threads;
  const std::string path = "/proc/" + std::to_string(process) + "/task";
  for (const std::string& id : names_in(path)) threads.push_back(thread_at(path + '/' + id, std::atoi(id.c_str())));
  return threads;
}

std::optional<int> call_of_first_thread(pid_t process) { return call_of("/proc/" + std::to_string(process)); }

bool is_stopped_or_traced(pid_t process) {
  const std::string status = status_of(process);
  const std::string_view state = field_of(status, "\nState:\t"), tracer = field_of(status, "\nTracerPid:\t");
  return state.starts_with('T') || state.starts_with('t') || (!tracer.empty() && !tracer.starts_with('0'));
}

bool has_handler(pid_t process, int signal) {
  const std::string status = status_of(process);
  const std::string_view digits = field_of(status, "\nSigCgt:\t");
  std::uint64_t caught = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), caught, 16);
  return (caught >> (signal - 1) & 1) != 0;
}

bool queue_signal_for_thread(pid_t process, pid_t thread, int signal, int value) noexcept {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = ::getpid();
  info.si_uid = ::getuid();
  info.si_value.sival_int = value;
  return call_retried([&] { return ::syscall(SYS_rt_tgsigqueueinfo, process, thread, signal, &info); }) == 0;
}

}  // namespace coproc::inline v0::os
