#include "os/resource_limits.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::os {

// The C library makes both of prlimit64, which a filter may refuse since it reaches other processes, too.

void lower_limit(__rlimit_resource kind, const char* name, std::uint64_t soft, std::uint64_t hard) {
  rlimit limit{};
  if (call_once([&] { return ::syscall(SYS_getrlimit, kind, &limit); }) != 0) throw_errno("getrlimit", name);
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, hard);
  limit.rlim_cur = std::min<rlim_t>({limit.rlim_cur, soft, limit.rlim_max});
  if (call_once([&] { return ::syscall(SYS_setrlimit, kind, &limit); }) != 0)
    throw_errno("setrlimit", name, soft, hard);
}

void set_priority(int nice) {
  if (call_once([&] { return ::setpriority(PRIO_PROCESS, 0, nice); }) != 0) {
    throw_errno("setpriority", "PRIO_PROCESS", 0, nice);
  }
}

void forgo_raising_priority() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> rights{};
  constexpr std::uint32_t kRight = CAP_TO_MASK(CAP_SYS_NICE);
  if (call_once([&] { return ::syscall(SYS_capget, &header, rights.data()); }) != 0) throw_errno("capget");
  if ((rights[0].permitted & kRight) == 0) return;
  // Refused without CAP_SETPCAP: then what this process executes has the right only if its file brings it along.
  (void)::prctl(PR_CAPBSET_DROP, CAP_SYS_NICE, 0, 0, 0);
  for (std::uint32_t* const set : {&rights[0].effective, &rights[0].permitted, &rights[0].inheritable}) *set &= ~kRight;
  if (call_once([&] { return ::syscall(SYS_capset, &header, rights.data()); }) != 0) throw_errno("capset");
}

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

int highest_by_trying() noexcept {
  constexpr int kGap = 256;
  int highest = -1;
  for (int fd = 0; fd <= highest + kGap; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) highest = fd;
  }
  return highest;
}

}  // namespace

int highest_descriptor() noexcept {
  const std::unique_ptr<DIR, CloseDirectory> list(::opendir("/proc/self/fd"));
  if (list == nullptr) return highest_by_trying();
  int highest = -1;
  while (const dirent* entry = ::readdir(list.get())) {
    const int fd = std::atoi(entry->d_name);
    if (fd != ::dirfd(list.get())) highest = std::max(highest, fd);
  }
  return highest;
}

std::optional<std::uint64_t> data_bytes() noexcept {
  try {
    const auto text = read_text("/proc/self/status");
    constexpr const char* kName = "\nVmData:";
    const std::size_t at = text ? text->find(kName) : std::string::npos;
    if (at == std::string::npos) return std::nullopt;
    return std::strtoull(text->c_str() + at + std::char_traits<char>::length(kName), nullptr, 10) * 1024;
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

}  // namespace coproc::inline v0::os
