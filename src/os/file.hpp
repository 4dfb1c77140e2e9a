// Files and the standard descriptors.
//
// Thread safety: free functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// open(2) with O_CLOEXEC, above the standard descriptors. New files get mode 0666 less the umask. Throws
/// std::system_error.
Fd open_file(const char* path, int flags);

/// Identifies a file, and shows whether it was written to since.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};
std::optional<FileIdentity> identity_of(const std::string& path) noexcept;
std::optional<FileIdentity> identity_of(const Fd& file) noexcept;

/// Opens `path` for reading; no descriptor if that fails or if it is no regular file. Neither blocks nor has any
/// effect, whatever the path leads to.
Fd try_open_regular_file(const char* path) noexcept;

/// Identifies a file independently of its name.
struct FileId {
  std::uint64_t device;
  std::uint64_t inode;
  bool operator==(const FileId&) const = default;
};
/// The identity of what a path leads to, or a descriptor; nullopt: it cannot be examined, or is not open.
std::optional<FileId> id_of_path(const char* path) noexcept;
std::optional<FileId> id_of(int fd) noexcept;

/// The size of an open file; 0 if that fails.
std::uint64_t size_of(const Fd& file) noexcept;

/// Fills `bytes` from `offset` on. False: the file has fewer, or reading failed. (A mapping would raise SIGBUS if the
/// file is truncated meanwhile.)
bool read_at(const Fd& file, std::uint64_t offset, std::span<std::byte> bytes) noexcept;

/// Writes all of `bytes` at `offset`. False: it failed, or RLIMIT_FSIZE forbids it (write itself would end the
/// process).
bool write_at(const Fd& file, std::uint64_t offset, std::span<const std::byte> bytes) noexcept;

/// The contents of a file whose size is not known, such as those of /proc; nullopt if it cannot be read.
std::optional<std::string> read_text(const std::string& path);

/// A copy above the standard descriptors, close-on-exec. Throws std::system_error.
Fd duplicate(int fd);

/// A copy at `least` or above, close-on-exec. Throws std::system_error.
Fd duplicate_above(int fd, int least);

/// Writes as much as possible.
void write_all(int fd, std::string_view text) noexcept;

/// Makes `number` a copy of `fd` that stays open across exec. REQUIRES: fd != number. Throws std::system_error.
void put_at(const Fd& fd, int number);

}  // namespace coproc::inline v0::os
