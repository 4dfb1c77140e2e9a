#include "os/own_control_group.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>

#include "os/control_group.hpp"
#include "os/error.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::os {

namespace {

void write_control_file(const std::string& path, const std::string& text) {
  const Fd file = open_file(path.c_str(), O_WRONLY);
  if (::write(file.get(), text.data(), text.size()) < 0) throw_errno("write", path, text);
}

/// Returns false if there is no such file.
bool try_write_control_file(const std::string& path, const std::string& text) {
  try {
    write_control_file(path, text);
    return true;
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return false;
    throw;
  }
}

}  // namespace

OwnControlGroup::OwnControlGroup(const std::string& parent, const std::string& name) : path_(parent + "/" + name) {
  if (::mkdir(path_.c_str(), 0755) != 0) throw_errno("mkdir", path_, 0755);
}

bool OwnControlGroup::limit_memory(std::uint64_t bytes) const {
  const std::string text = std::to_string(bytes);
  if (!try_write_control_file(path_ + "/memory.max", text)) {
    return try_write_control_file(path_ + "/memory.limit_in_bytes", text);  // version 1
  }
  try_write_control_file(path_ + "/memory.oom.group", "1");  // the worker ends with the processes that it has started
  return true;
}

bool OwnControlGroup::limit_processes(std::uint64_t count) const {
  return try_write_control_file(path_ + "/pids.max", std::to_string(count));
}

std::optional<std::uint64_t> OwnControlGroup::out_of_memory_kills() const {
  auto text = read_text(path_ + "/memory.events");
  if (!text) text = read_text(path_ + "/memory.oom_control");  // version 1
  return text ? counter_in(*text, "oom_kill") : std::nullopt;
}

void OwnControlGroup::remove() noexcept {
  if (path_.empty()) return;
  if (::rmdir(path_.c_str()) == 0 || errno == ENOENT) path_.clear();
}

void enter_control_group(const std::string& path) { write_control_file(path + "/cgroup.procs", "0"); }

}  // namespace coproc::inline v0::os
