#include "os/close_fds.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace coproc::inline v0::os {

namespace {

/// The records of getdents64. The C library's own reader allocates.
struct Entry {
  std::uint64_t number;
  std::int64_t offset;
  unsigned short bytes;
  unsigned char type;
  char name[1];
};

/// Returns false if the system does not list descriptors.
bool close_listed(unsigned first, unsigned last) noexcept {
  const int list = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (list < 0) return false;
  alignas(Entry) char entries[2048];
  for (long got; (got = ::syscall(SYS_getdents64, list, entries, sizeof entries)) > 0;) {
    for (long at = 0; at < got;) {
      unsigned short bytes;
      std::memcpy(&bytes, entries + at + offsetof(Entry, bytes), sizeof bytes);
      const char* digit = entries + at + offsetof(Entry, name);
      unsigned fd = 0;
      const bool is_number = *digit >= '0' && *digit <= '9';
      for (; *digit >= '0' && *digit <= '9'; ++digit) fd = fd * 10 + static_cast<unsigned>(*digit - '0');
      if (is_number && fd >= first && fd <= last && fd != static_cast<unsigned>(list)) ::close(static_cast<int>(fd));
      at += bytes;
    }
  }
  ::close(list);
  return true;
}

void close_likely(unsigned first, unsigned last) noexcept {
  constexpr rlim_t kMost = 1 << 20;  // containers often have a limit of a billion, and do not use its numbers
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_max = kMost;
  const auto end = static_cast<unsigned>(std::min<rlim_t>({limit.rlim_max, kMost, rlim_t{last} + 1}));
  for (unsigned fd = first; fd < end; ++fd) ::close(static_cast<int>(fd));
}

}  // namespace

void close_fds(unsigned first, unsigned last) noexcept {
  if (first > last) return;
  const int saved = errno;
  if (::syscall(SYS_close_range, first, last, 0) != 0 && !close_listed(first, last)) close_likely(first, last);
  errno = saved;
}

}  // namespace coproc::inline v0::os
