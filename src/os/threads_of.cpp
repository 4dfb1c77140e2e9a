#include "os/threads_of.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "os/directory.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"
#include "os/proc_stat.hpp"

namespace coproc::inline v0::os {

namespace {

/// /proc/PID/task/TID/syscall: "202 0x7f... ...", "-1 ..." if the thread sleeps in no call, or "running". Only who may
/// trace the process may read it.
std::optional<int> call_of(const std::string& directory) {
  const std::string text = read_text(directory + "/syscall").value_or("");
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  return number;
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

bool has_handler(pid_t process, int signal) {
  const std::string status = read_text("/proc/" + std::to_string(process) + "/status").value_or("");
  constexpr std::string_view kCaught = "SigCgt:\t";
  const std::size_t at = status.find(kCaught);
  if (at == std::string::npos) return false;
  std::uint64_t caught = 0;
  const char* const digits = status.data() + at + kCaught.size();
  std::from_chars(digits, status.data() + status.size(), caught, 16);
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
