#include "os/foreign_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "os/directory.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

/// As /proc shows a memory file: it has no name that could be removed.
std::string path_of_memory(const std::string& name) { return "/memfd:" + name + " (deleted)"; }

/// Takes a number, and the character that ends it, off the front of a line.
std::optional<std::uint64_t> take_number(std::string_view& line, int base, char end) {
  std::uint64_t number = 0;
  const auto [after, error] = std::from_chars(line.data(), line.data() + line.size(), number, base);
  if (error != std::errc() || after == line.data() + line.size() || *after != end) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(after - line.data()) + 1);
  return number;
}

/// A line of /proc/PID/maps: "7f1c8000-7f1ca000 rw-s 00000000 00:01 1234   /memfd:name (deleted)". nullopt: it is no
/// beginning of this file.
std::optional<MappedMemory> memory_in(std::string_view line, std::string_view path) {
  if (!line.ends_with(path)) return std::nullopt;
  line.remove_suffix(path.size());
  MappedMemory memory;
  const auto begin = take_number(line, 16, '-'), end = take_number(line, 16, ' ');
  if (!begin || !end || line.size() < 5 || line[3] != 's') return std::nullopt;
  line.remove_prefix(5);
  const auto offset = take_number(line, 16, ' '), major = take_number(line, 16, ':'),
             minor = take_number(line, 16, ' '), inode = take_number(line, 10, ' ');
  if (!offset || *offset != 0 || !major || !minor || !inode) return std::nullopt;
  if (line.find_first_not_of(' ') != std::string_view::npos) return std::nullopt;  // the end of another name
  memory.file = {::makedev(static_cast<unsigned>(*major), static_cast<unsigned>(*minor)), *inode};
  memory.address = *begin;
  return memory;
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t", at + key.size())));
  return take_number(text, 10, '\n');
}

/// The mount that all memory files of this machine are in. Nobody can mount anything there, or make files by a path.
std::optional<std::uint64_t> mount_of_memory() {
  static const std::optional<std::uint64_t> mount = []() -> std::optional<std::uint64_t> {
    const Fd own(call_once([] { return ::memfd_create("coproc", MFD_CLOEXEC); }));
    if (!own) return std::nullopt;
    return number_after(read_text("/proc/self/fdinfo/" + std::to_string(own.get())).value_or(""), "mnt_id:");
  }();
  return mount;
}

std::string link_text(const std::string& path) {
  std::array<char, 256> text;
  const ssize_t got = call_once([&] { return ::readlink(path.c_str(), text.data(), text.size()); });
  return got < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(got));
}

}  // namespace

MappedMemories mapped_memories_of(pid_t process, const std::string& name) {
  MappedMemories found;
  errno = 0;
  const std::optional<std::string> text = read_text("/proc/" + std::to_string(process) + "/maps");
  if (!text) {
    found.error_number = errno != 0 ? errno : EIO;
    return found;
  }
  const std::string path = path_of_memory(name);
  for (std::string_view left = *text; !left.empty();) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    const auto memory = memory_in(line, path);
    const auto is_same = [&](const MappedMemory& other) { return other.file == memory->file; };
    if (memory && std::ranges::none_of(found.all, is_same)) found.all.push_back(*memory);
  }
  return found;
}

std::vector<MemoryDescriptor> memory_descriptors_of(pid_t process, const std::string& name) {
  std::vector<MemoryDescriptor> found;
  const std::string folder = "/proc/" + std::to_string(process), path = path_of_memory(name);
  const auto mount = mount_of_memory();
  for (const std::string& number : names_in(folder + "/fd")) {
    if (!mount || link_text(folder + "/fd/" + number) != path) continue;
    if (number_after(read_text(folder + "/fdinfo/" + number).value_or(""), "mnt_id:") != mount) continue;
    // What is asked of shared memory is answered by the kernel, and by no other process.
    const auto file = id_of_path((folder + "/fd/" + number).c_str());
    if (file) found.push_back({*file, std::atoi(number.c_str())});
  }
  return found;
}

ForeignMemory ForeignMemory::by_descriptor(pid_t process, const MemoryDescriptor& descriptor) noexcept {
  ForeignMemory memory;
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/fd/%d", static_cast<int>(process), descriptor.number);
  // With O_PATH nothing is opened yet. If it is the memory, opening it once more has no effect on anything.
  const Fd place(call_retried([&] { return ::open(path.data(), O_PATH | O_CLOEXEC); }));
  if (!place || id_of(place.get()) != descriptor.file) return memory;
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", place.get());
  memory.fd_ = Fd(call_retried([&] { return ::open(path.data(), O_RDONLY | O_CLOEXEC); }));
  return memory;
}

ForeignMemory ForeignMemory::by_place(pid_t process, std::uint64_t address) noexcept {
  ForeignMemory memory;
  memory.process_ = process;
  memory.address_ = address;
  return memory;
}

bool ForeignMemory::read(std::uint64_t offset, std::span<std::byte> bytes) const noexcept {
  if (fd_) return read_at(fd_, offset, bytes);
  if (process_ == 0) return false;
  const iovec here = {bytes.data(), bytes.size()};
  const iovec there = {reinterpret_cast<void*>(address_ + offset), bytes.size()};  // NOLINT: an address elsewhere
  return call_once([&] { return ::process_vm_readv(process_, &here, 1, &there, 1, 0); }) ==
         static_cast<ssize_t>(bytes.size());
}

}  // namespace coproc::inline v0::os
