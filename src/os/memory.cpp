#include "os/memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
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

void check_file_size_limit(const char* name, std::size_t bytes) {
  rlimit limit{};
  if (call_once([&] { return ::getrlimit(RLIMIT_FSIZE, &limit); }) != 0) throw_errno("getrlimit", "RLIMIT_FSIZE");
  const bool too_large = bytes > static_cast<std::size_t>(std::numeric_limits<off_t>::max());
  if (too_large || (limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur)) {
    errno = EFBIG;
    throw_errno("ftruncate", name, bytes);
  }
}

}  // namespace

SharedMemory create_sealed_memory(const char* name, std::size_t bytes) {
  check_file_size_limit(name, bytes);
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
  Mapping mapping = map_shared(fd, bytes);
  return {std::move(fd), std::move(mapping)};
}

Mapping map_shared(const Fd& fd, std::size_t bytes) {
  void* const failed = MAP_FAILED;  // NOLINT: the system's own cast
  void* data = should_fail() ? failed : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == failed) throw_errno("mmap", bytes, "PROT_READ|PROT_WRITE", "MAP_SHARED", fd.get());
  return {static_cast<std::byte*>(data), bytes};
}

}  // namespace coproc::inline v0::os
