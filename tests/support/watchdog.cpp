#include "support/watchdog.hpp"

#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace support {

namespace {

// A signal that nothing else in the tests uses.
int time_is_up() { return SIGRTMAX - 1; }
int show_stack() { return SIGRTMAX - 2; }

char test_name[512];
std::atomic<int> stacks_shown{0};

// From here on only async-signal-safe functions are called (and snprintf, which is so in glibc for plain integers and
// strings): the test may hang inside malloc.

void say(const char* text) { (void)!::write(STDERR_FILENO, text, std::strlen(text)); }

void say_file(const char* directory, const char* id, const char* file) {
  char path[512];
  char text[2048];
  std::snprintf(path, sizeof path, "%s/%s/%s", directory, id, file);
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t length = ::read(fd, text, sizeof text - 2);
  ::close(fd);
  if (length <= 0) return;
  text[length] = '\0';
  char* end = std::strstr(text, "\nTracerPid");  // print only the first lines of `status`
  if (end == nullptr) end = text + length - (text[length - 1] == '\n' ? 1 : 0);
  *end = '\0';
  say("    ");
  say(file);
  say(": ");
  say(text);
  say("\n");
}

/// Calls `each` with the name of every entry of `directory` that is a number.
template <class Each>
void for_each_number_in(const char* directory, Each each) {
  const int fd = ::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  alignas(dirent64) char entries[4096];
  for (long length; (length = ::syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0;) {
    for (long at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + at);
      if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') each(entry->d_name);
      at += entry->d_reclen;
    }
  }
  ::close(fd);
}

void on_show_stack(int) {
  void* frames[64];
  ::backtrace_symbols_fd(frames, ::backtrace(frames, 64), STDERR_FILENO);
  stacks_shown.fetch_add(1);
}

void wait_a_little_for(int stacks) {
  const timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
  for (int i = 0; i < 100 && stacks_shown.load() < stacks; ++i) ::nanosleep(&pause, nullptr);
}

void on_time_is_up(int) {
  say("\nWatchdog: the test ");
  say(test_name);
  say(" hangs (or needs more time: set COPROC_TEST_SECONDS).\n");

  const pid_t self = ::getpid();
  for_each_number_in("/proc/self/task", [&](const char* thread) {
    say("  thread ");
    say(thread);
    say("\n");
    say_file("/proc/self/task", thread, "comm");
    say_file("/proc/self/task", thread, "wchan");
    const int stacks = stacks_shown.load();
    if (::syscall(SYS_tgkill, self, std::atoi(thread), show_stack()) == 0) wait_a_little_for(stacks + 1);
  });

  for_each_number_in("/proc", [&](const char* process) {
    char path[512];
    char stat[512] = {};
    std::snprintf(path, sizeof path, "/proc/%s/stat", process);
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    const ssize_t length = ::read(fd, stat, sizeof stat - 1);
    ::close(fd);
    const char* after_name = length > 0 ? std::strrchr(stat, ')') : nullptr;
    int parent = 0;
    if (after_name == nullptr || std::sscanf(after_name, ") %*c %d", &parent) != 1 || parent != self) return;
    say("  child process ");
    say(process);
    say("\n");
    for (const char* file : {"status", "wchan", "syscall", "stack"}) say_file("/proc", process, file);
    ::kill(std::atoi(process), SIGKILL);
  });
  std::abort();
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART | SA_NODEFER;
  ::sigaction(number, &action, nullptr);
}

void set_timer(timer_t timer, long seconds) {
  itimerspec once{};
  once.it_value.tv_sec = seconds;
  ::timer_settime(timer, 0, &once, nullptr);
}

}  // namespace

int time_scale() {
  const char* preloaded = std::getenv("LD_PRELOAD");
  const bool is_under_valgrind = preloaded != nullptr && std::strstr(preloaded, "vgpreload") != nullptr;
  return is_under_valgrind ? 20 : COPROC_TEST_TIME_SCALE;
}

WatchdogListener::WatchdogListener() {
  void* frame[1];
  ::backtrace(frame, 1);  // the first call loads a library and allocates, which the handler must not do
  handle(time_is_up(), on_time_is_up);
  handle(show_stack(), on_show_stack);
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = time_is_up();
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) {
    std::perror("watchdog: timer_create");
    std::abort();
  }
}

WatchdogListener::~WatchdogListener() { ::timer_delete(timer_); }

void WatchdogListener::OnTestStart(const testing::TestInfo& test) {
  std::snprintf(test_name, sizeof test_name, "%s.%s", test.test_suite_name(), test.name());
  const char* seconds = std::getenv("COPROC_TEST_SECONDS");
  set_timer(timer_, seconds != nullptr ? std::atol(seconds) : 120L * time_scale());
}

void WatchdogListener::OnTestEnd(const testing::TestInfo&) { set_timer(timer_, 0); }

}  // namespace support
