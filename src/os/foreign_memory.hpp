// Shared memory without a name (memfd) that other processes have mapped, as /proc shows it.
//
// Thread safety: free functions; a ForeignMemory is used by one thread at a time.
// Invariants: nothing of it is mapped here, since its owner could truncate it, and an access would then raise SIGBUS. A
// name in /proc may be any process's invention. So no file is opened before the kernel has said that it is shared
// memory: an open of another file may block, or have effects.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "os/fd.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::os {

struct MappedMemory {
  FileId file;
  std::uint64_t address = 0;  // of the file's first byte, in that process

  bool operator==(const MappedMemory&) const = default;
};

struct MappedMemories {
  std::vector<MappedMemory> all;
  int error_number = 0;  // why the system does not tell; 0: it does
};

/// The beginnings of files of memfd_create(name) that a process has mapped shared, each file once.
MappedMemories mapped_memories_of(pid_t process, const std::string& name);

struct MemoryDescriptor {
  FileId file;
  int number = -1;  // in that process
};

/// The descriptors of such files that a process has; none if the system does not tell.
std::vector<MemoryDescriptor> memory_descriptors_of(pid_t process, const std::string& name);

/// Memory of another process that can be read while that process, or the file, is there.
class ForeignMemory {
 public:
  /// By a descriptor that the process has. No memory if it may not be opened, or leads to another file by now.
  static ForeignMemory by_descriptor(pid_t process, const MemoryDescriptor& descriptor) noexcept;
  /// By its place in the process, which needs the right to trace it.
  static ForeignMemory by_place(pid_t process, std::uint64_t address) noexcept;

  ForeignMemory() noexcept = default;
  explicit operator bool() const noexcept { return fd_ || process_ != 0; }
  /// Whether it stays the same memory, whatever becomes of the process and its number.
  bool has_descriptor() const noexcept { return static_cast<bool>(fd_); }
  /// Fills `bytes` from `offset` on. False: it is not there (any more), or may not be read.
  bool read(std::uint64_t offset, std::span<std::byte> bytes) const noexcept;

 private:
  Fd fd_;
  pid_t process_ = 0;
  std::uint64_t address_ = 0;
};

}  // namespace coproc::inline v0::os
