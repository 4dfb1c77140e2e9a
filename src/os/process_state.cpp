#include "os/process_state.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "os/close_fds.hpp"
#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/proc_stat.hpp"
#include "os/sanitizer.hpp"

namespace coproc::inline v0::os {

namespace {

/// Without /proc: 2 stands for any number of others. The C library may still count a thread for a while after its
/// end.
std::size_t threads_of_c_library() noexcept {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded ? 1 : 2;
#else
  return 2;
#endif
}

}  // namespace

std::size_t thread_count() noexcept {
  struct stat directory {};
  // The links of this directory are ".", ".." and one for each thread.
  if (call_retried([&] { return ::stat("/proc/self/task", &directory); }) != 0) return threads_of_c_library();
  const std::size_t count = directory.st_nlink - 2;
  // The thread sanitizer starts one of its own with the program's first.
  return kHasThreadSanitizer && count > 1 ? count - 1 : count;
}

bool has_other_threads() noexcept {
  // The kernel refuses to take a thread out of its process, and does nothing where there is only one.
  const int saved = errno;
  const int result = call_once([] { return ::unshare(CLONE_THREAD); });
  const int error_number = errno;
  errno = saved;
  if (result == 0) return false;
  if (error_number == EINVAL) return true;
  return thread_count() > 1;  // a filter (containers)
}

void set_process_name(const char* name) noexcept { (void)::prctl(PR_SET_NAME, name, 0, 0, 0); }

bool may_be_stopped(pid_t process) {
  const std::optional<ProcStat> stat = read_proc_stat("/proc/" + std::to_string(process));
  return !stat || stat->state == 'T';
}

pid_t parent_pid() noexcept { return ::getppid(); }

unsigned user_id() noexcept { return static_cast<unsigned>(::syscall(SYS_geteuid)); }

bool gives_other_rights() noexcept {
  return ::getuid() != ::geteuid() || ::getgid() != ::getegid() || was_given_other_rights();
}

bool was_given_other_rights() noexcept { return ::getauxval(AT_SECURE) != 0; }

bool is_open(int fd) noexcept {
  return call_retried([&] { return ::fcntl(fd, F_GETFD); }) >= 0;
}

void close_all_fds_except(std::span<const int> keep) {
  if (should_fail()) throw_errno("close_range");
  std::vector<int> sorted(keep.begin(), keep.end());
  std::sort(sorted.begin(), sorted.end());
  unsigned first = STDERR_FILENO + 1;
  for (const int fd : sorted) {
    if (fd < 0 || static_cast<unsigned>(fd) < first) continue;
    if (static_cast<unsigned>(fd) > first) close_fds(first, static_cast<unsigned>(fd) - 1);
    first = static_cast<unsigned>(fd) + 1;
  }
  close_fds(first, kLastFd);
}

void lead_process_group() {
  if (call_retried([] { return ::setpgid(0, 0); }) != 0) throw_errno("setpgid", 0, 0);
}

void change_directory(const char* path) {
  if (call_retried([&] { return ::chdir(path); }) != 0) throw_errno("chdir", path);
}

Fd open_directory(const char* path) {
  Fd fd(call_retried([&] { return ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd) throw_errno("open", path, "O_PATH|O_DIRECTORY");
  return above_stdio(std::move(fd));
}

void change_directory(const Fd& directory) {
  if (call_retried([&] { return ::fchdir(directory.get()); }) != 0) throw_errno("fchdir", directory.get());
}

}  // namespace coproc::inline v0::os
