// Shared memory without a name: a sealed memfd and its mapping.
//
// Thread safety: one thread at a time.
// Invariants: the size is fixed by seals before anybody else can have the descriptor, so that a mapping never raises
// SIGBUS because a peer has truncated the file.
#pragma once

#include <cstddef>
#include <utility>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

class [[nodiscard]] Mapping {
 public:
  Mapping() noexcept = default;
  /// Takes ownership of what mmap returned.
  Mapping(std::byte* data, std::size_t size) noexcept : data_(data), size_(size) {}
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, std::size_t{0})) {}
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping() { unmap(); }

  void unmap() noexcept;
  /// Gives up ownership, and leaves the address alone: in a child that does not have the mapping, something else may
  /// lie there.
  void forget() noexcept { data_ = nullptr, size_ = 0; }
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

/// Zeroed memory of exactly `bytes`, of which the first `mapped` are mapped, once. `name` shows in /proc/PID/maps
/// only. Throws std::system_error, EFBIG if RLIMIT_FSIZE is too small (ftruncate itself would raise SIGXFSZ).
SharedMemory create_sealed_memory(const char* name, std::size_t bytes, std::size_t mapped);
inline SharedMemory create_sealed_memory(const char* name, std::size_t bytes) {
  return create_sealed_memory(name, bytes, bytes);
}
/// The largest file that this process may make, in bytes (RLIMIT_FSIZE). Throws std::system_error.
std::size_t largest_file();
/// The address space that this process may have, in bytes (RLIMIT_AS). Throws std::system_error.
std::size_t most_address_space();

/// Maps whole pages of `fd`, readable and writable. Throws std::system_error.
Mapping map_part(const Fd& fd, std::size_t offset, std::size_t bytes);
/// The same from the file's beginning.
inline Mapping map_shared(const Fd& fd, std::size_t bytes) { return map_part(fd, 0, bytes); }

/// Whether it is shared memory that cannot shrink, so that no access to a mapping of it ever fails.
bool is_unshrinkable_memory(const Fd& fd) noexcept;

/// Maps a part of `fd` that may be huge and mostly untouched. The mapping takes no memory until it is written, even
/// if all memory of the process is locked; it is left out of core dumps, and is not there in forked children. It must
/// not be touched before open_pages(). REQUIRES: a ForkLock is held. Throws std::system_error.
Mapping map_sparse(const Fd& fd, std::size_t offset, std::size_t bytes);
/// The same without a file, for this process alone.
Mapping map_sparse_private(std::size_t bytes);
/// The same without a descriptor: maps the file of which `anchor` is a sparse mapping, from the anchor's place on.
/// Throws std::system_error. REQUIRES: the anchor is shared memory; a ForkLock is held.
Mapping map_sparse_again(const Mapping& anchor, std::size_t bytes);
/// Maps whole pages out of what map_sparse_again() would map, accessible at once. For a moment it takes `offset +
/// bytes` of address space.
Mapping map_window(const Mapping& anchor, std::size_t offset, std::size_t bytes);
/// Makes whole pages of a sparse mapping accessible. Throws std::system_error.
void open_pages(std::byte* data, std::size_t bytes);
/// Asks for huge pages in this memory. If the system has none, nothing changes.
void prefer_huge_pages(std::byte* data, std::size_t bytes) noexcept;
/// Gives the memory behind whole pages of a sparse mapping back to the system, as far as it can. They read as zeros
/// then.
void punch_hole(std::byte* data, std::size_t bytes) noexcept;
/// The same for a part of a file, mapped or not.
void punch_hole(const Fd& fd, std::size_t offset, std::size_t bytes) noexcept;

/// Whether RLIMIT_MEMLOCK bounds everything that this process will map: it has called mlockall(MCL_FUTURE), and may
/// not lock more than the limit.
bool is_bounded_by_locked_memory() noexcept;

/// The memory that the machine has, in bytes.
std::size_t machine_memory() noexcept;

}  // namespace coproc::inline v0::os
