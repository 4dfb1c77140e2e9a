#include "os/memory.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <limits>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    unmap();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, std::size_t{0});
  }
  return *this;
}

void Mapping::unmap() noexcept {
  if (data_ == nullptr) return;
  const int saved = errno;
  ::munmap(data_, size_);
  errno = saved;
  data_ = nullptr;
  size_ = 0;
}

namespace {

Mapping map_huge(std::size_t bytes, int flags, int fd, std::size_t offset) {
  void* const failed = MAP_FAILED;  // NOLINT: the system's own cast
  // If the process has called mlockall(MCL_FUTURE), accessible memory is filled at once.
  void* data = should_fail() ? failed : ::mmap(nullptr, bytes, PROT_NONE, flags, fd, static_cast<off_t>(offset));
  if (data == failed) throw_errno("mmap", bytes, "PROT_NONE", "MAP_SHARED|MAP_NORESERVE", fd);
  Mapping mapping(static_cast<std::byte*>(data), bytes);
  // A child that had it would hold the memory of another worker's messages for as long as it lives.
  if (call_once([&] { return ::madvise(data, bytes, MADV_DONTFORK); }) != 0) throw_errno("madvise", "MADV_DONTFORK");
  call_once([&] { return ::madvise(data, bytes, MADV_DONTDUMP); });  // if it fails, core dumps are larger
  return mapping;
}

/// If a filter refuses to tell the limit, it is taken for no limit: what exceeds it then fails by itself.
rlimit limit_of(__rlimit_resource kind, const char* name) {
  rlimit limit{};
  if (call_once([&] { return ::getrlimit(kind, &limit); }) == 0) return limit;
  if (errno != ENOSYS && errno != EPERM && errno != EACCES) throw_errno("getrlimit", name);
  return {RLIM_INFINITY, RLIM_INFINITY};
}

}  // namespace

std::size_t largest_file() {
  const rlimit limit = limit_of(RLIMIT_FSIZE, "RLIMIT_FSIZE");
  constexpr auto kMost = static_cast<std::size_t>(std::numeric_limits<off_t>::max());
  return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > kMost ? kMost : limit.rlim_cur;
}

std::size_t most_address_space() {
  const rlimit limit = limit_of(RLIMIT_AS, "RLIMIT_AS");
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max() : limit.rlim_cur;
}

SharedMemory create_sealed_memory(const char* name, std::size_t bytes, std::size_t mapped) {
  if (bytes > largest_file()) {
    errno = EFBIG;
    throw_errno("ftruncate", name, bytes);
  }
  Fd fd(call_retried([&] { return ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }));
  if (!fd) throw_errno("memfd_create", name, "MFD_CLOEXEC|MFD_ALLOW_SEALING");
  fd = above_stdio(std::move(fd));
  if (call_retried([&] { return ::ftruncate(fd.get(), static_cast<off_t>(bytes)); }) != 0) {
    throw_errno("ftruncate", name, bytes);
  }
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (call_retried([&] { return ::fcntl(fd.get(), F_ADD_SEALS, kSeals); }) != 0) {
    throw_errno("fcntl", name, "F_ADD_SEALS", "F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_SEAL");
  }
  Mapping mapping = map_shared(fd, mapped);
  return {std::move(fd), std::move(mapping)};
}

Mapping map_sparse(const Fd& fd, std::size_t offset, std::size_t bytes) {
  if (!fd.is_own()) {  // the program has closed it, and the number may lead to a file of its own
    errno = EBADF;
    throw_errno("mmap", fd.get());
  }
  return map_huge(bytes, MAP_SHARED | MAP_NORESERVE, fd.get(), offset);
}

Mapping map_sparse_private(std::size_t bytes) {
  return map_huge(bytes, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

Mapping map_sparse_again(const Mapping& anchor, std::size_t bytes) {
  void* const failed = MAP_FAILED;  // NOLINT: the system's own cast
  // With an old size of zero mremap makes a second mapping of the same pages, of any size.
  void* data = should_fail() ? failed : ::mremap(anchor.data(), 0, bytes, MREMAP_MAYMOVE);
  if (data == failed) throw_errno("mremap", 0, bytes, "MREMAP_MAYMOVE");
  return {static_cast<std::byte*>(data), bytes};  // with the anchor's access and advice
}

Mapping map_window(const Mapping& anchor, std::size_t offset, std::size_t bytes) {
  Mapping all = map_sparse_again(anchor, offset + bytes);
  std::byte* const begin = all.data() + offset;
  open_pages(begin, bytes);
  all.forget();
  if (offset != 0) ::munmap(begin - offset, offset);
  return {begin, bytes};
}

Mapping map_part(const Fd& fd, std::size_t offset, std::size_t bytes) {
  void* const failed = MAP_FAILED;  // NOLINT: the system's own cast
  void* data = should_fail()
                   ? failed
                   : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), static_cast<off_t>(offset));
  if (data == failed) throw_errno("mmap", bytes, "PROT_READ|PROT_WRITE", "MAP_SHARED", fd.get());
  return {static_cast<std::byte*>(data), bytes};
}

void open_pages(std::byte* data, std::size_t bytes) {
  if (call_once([&] { return ::mprotect(data, bytes, PROT_READ | PROT_WRITE); }) != 0) {
    throw_errno("mprotect", bytes, "PROT_READ|PROT_WRITE");
  }
}

bool is_unshrinkable_memory(const Fd& fd) noexcept {
  struct statfs where {};
  const int seals = call_once([&] { return ::fcntl(fd.get(), F_GET_SEALS); });
  return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && call_once([&] { return ::fstatfs(fd.get(), &where); }) == 0 &&
         where.f_type == TMPFS_MAGIC;
}

void punch_hole(std::byte* data, std::size_t bytes) noexcept {
  const int saved = errno;
  call_once([&] { return ::madvise(data, bytes, MADV_REMOVE); });
  errno = saved;
}

void prefer_huge_pages(std::byte* data, std::size_t bytes) noexcept {
  const int saved = errno;
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(data) % page) % page;
  if (bytes >= before + page) {
    const std::size_t whole = (bytes - before) / page * page;
    call_once([&] { return ::madvise(data + before, whole, MADV_HUGEPAGE); });
  }
  errno = saved;
}

bool is_bounded_by_locked_memory() noexcept {
  const int saved = errno;
  rlimit limit{};
  bool is_bounded = false;
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < (rlim_t{1} << 46)) {
    // A mapping that is larger than this limit fails with EAGAIN only because of it: the kernel uses EAGAIN for
    // nothing else here, and checks it before other limits.
    const std::size_t bytes = limit.rlim_cur + (std::size_t{1} << 20);
    void* const failed = MAP_FAILED;  // NOLINT: the system's own cast
    void* const probe = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    is_bounded = probe == failed && errno == EAGAIN;
    if (probe != failed) ::munmap(probe, bytes);
  }
  errno = saved;
  return is_bounded;
}

void punch_hole(const Fd& fd, std::size_t offset, std::size_t bytes) noexcept {
  const int saved = errno;
  call_retried([&] {
    return ::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(bytes));
  });
  errno = saved;
}

std::size_t machine_memory() noexcept {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  return pages <= 0 || page <= 0 ? std::size_t{1} << 30
                                 : static_cast<std::size_t>(pages) * static_cast<std::size_t>(page);
}

}  // namespace coproc::inline v0::os
