#include "os/file.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/stat_of.hpp"

namespace coproc::inline v0::os {

Fd open_file(const char* path, int flags) {
  Fd fd(call_retried([&] { return ::open(path, flags | O_CLOEXEC, 0666); }));
  if (!fd) throw_errno("open", path, flags);
  return above_stdio(std::move(fd));
}

namespace {

FileIdentity identity_of(const struct stat& status) noexcept {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
}

}  // namespace

std::optional<FileIdentity> identity_of(const std::string& path) noexcept {
  struct stat status {};
  if (call_retried([&] { return ::stat(path.c_str(), &status); }) != 0) return std::nullopt;
  return identity_of(status);
}

std::optional<FileIdentity> identity_of(const Fd& file) noexcept {
  struct stat status {};
  if (call_retried([&] { return stat_of(file.get(), status); }) != 0) return std::nullopt;
  return identity_of(status);
}

Fd try_open_regular_file(const char* path) noexcept {
  // It is not opened before its type is known, since opening a device may have effects.
  struct stat status {};
  if (call_retried([&] { return ::stat(path, &status); }) != 0 || !S_ISREG(status.st_mode)) return {};
  Fd fd(call_retried([&] { return ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }));
  if (!fd || call_retried([&] { return stat_of(fd.get(), status); }) != 0 || !S_ISREG(status.st_mode)) return {};
  return fd;
}

std::optional<FileId> id_of_path(const char* path) noexcept {
  struct stat status {};
  if (call_retried([&] { return ::stat(path, &status); }) != 0) return std::nullopt;
  return FileId{status.st_dev, status.st_ino};
}

std::optional<FileId> id_of(int fd) noexcept {
  struct stat status {};
  if (call_retried([&] { return stat_of(fd, status); }) != 0) return std::nullopt;
  return FileId{status.st_dev, status.st_ino};
}

std::uint64_t size_of(const Fd& file) noexcept {
  struct stat status {};
  if (call_retried([&] { return stat_of(file.get(), status); }) != 0) return 0;
  return static_cast<std::uint64_t>(status.st_size);
}

bool read_at(const Fd& file, std::uint64_t offset, std::span<std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t got =
        call_retried([&] { return ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

bool write_at(const Fd& file, std::uint64_t offset, std::span<const std::byte> bytes) noexcept {
  rlimit limit{};
  if (call_once([&] { return ::getrlimit(RLIMIT_FSIZE, &limit); }) != 0) return false;
  if (limit.rlim_cur != RLIM_INFINITY && (offset > limit.rlim_cur || bytes.size() > limit.rlim_cur - offset))
    return false;
  while (!bytes.empty()) {
    const ssize_t written =
        call_retried([&] { return ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return true;
}

std::optional<std::string> read_text(const std::string& path) {
  const Fd fd(call_retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd) return std::nullopt;
  std::string text;
  char piece[4096];
  for (;;) {
    const ssize_t got = call_retried([&] { return ::read(fd.get(), piece, sizeof piece); });
    if (got < 0) return std::nullopt;
    if (got == 0) return text;
    text.append(piece, static_cast<std::size_t>(got));
  }
}

Fd duplicate(int fd) { return duplicate_above(fd, STDERR_FILENO + 1); }

Fd duplicate_above(int fd, int least) {
  Fd copy(call_retried([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, least); }));
  if (!copy) throw_errno("fcntl", fd, "F_DUPFD_CLOEXEC");
  return copy;
}

void write_all(int fd, std::string_view text) noexcept {
  const int saved = errno;
  while (!text.empty()) {
    const ssize_t written = call_retried([&] { return ::write(fd, text.data(), text.size()); });
    if (written <= 0) break;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  errno = saved;
}

void put_at(const Fd& fd, int number) {
  if (call_retried([&] { return ::dup2(fd.get(), number); }) < 0) throw_errno("dup2", fd.get(), number);
}

}  // namespace coproc::inline v0::os
