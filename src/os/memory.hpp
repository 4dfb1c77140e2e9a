// Shared memory without a name: a sealed memfd and its mapping.
//
// Thread safety: one thread at a time.
// Invariants: the size is fixed by seals before anyone else can have the descriptor, so that a mapping never raises
// SIGBUS because a peer has truncated the file.
#pragma once

#include <cstddef>
#include <utility>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

class [[nodiscard]] Mapping {
 public:
  Mapping() noexcept = default;
  /// Takes over what mmap returned.
  Mapping(std::byte* data, std::size_t size) noexcept : data_(data), size_(size) {}
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, std::size_t{0})) {}
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping() { unmap(); }

  void unmap() noexcept;
  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  explicit operator bool() const noexcept { return data_ != nullptr; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

struct SharedMemory {
  Fd fd;
  Mapping mapping;
};

/// Zeroed memory of exactly `bytes`, mapped once. `name` shows in /proc/PID/maps only. Throws std::system_error, EFBIG
/// where RLIMIT_FSIZE is too small (ftruncate itself would raise SIGXFSZ).
SharedMemory create_sealed_memory(const char* name, std::size_t bytes);

/// Maps the first `bytes` of `fd`, readable and writable. Throws std::system_error.
Mapping map_shared(const Fd& fd, std::size_t bytes);

}  // namespace coproc::inline v0::os
