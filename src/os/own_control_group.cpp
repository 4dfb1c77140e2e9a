#include "os/own_control_group.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

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

/// Returns whether it is gone.
bool remove_group(const std::string& path) noexcept { return ::rmdir(path.c_str()) == 0 || errno == ENOENT; }

/// Groups whose processes were still ending when they were to be removed.
struct LeftOver {
  std::mutex mutex;
  std::vector<std::string> paths;
};
LeftOver& left_over() {
  static auto* const all = new LeftOver;  // also for objects that are destroyed at the end of the program
  return *all;
}

/// Does nothing while another thread does it: also where that one was, in the process that this one was forked from.
void remove_left_over() noexcept {
  LeftOver& all = left_over();
  const std::unique_lock lock(all.mutex, std::try_to_lock);
  if (lock) std::erase_if(all.paths, [](const std::string& path) { return remove_group(path); });
}

void leave_over(std::string path) noexcept {
  LeftOver& all = left_over();
  const std::unique_lock lock(all.mutex, std::try_to_lock);
  if (!lock) return;
  try {
    all.paths.push_back(std::move(path));
  } catch (const std::bad_alloc&) {
    // It stays.
  }
}

}  // namespace

OwnControlGroup::OwnControlGroup(const std::string& parent, const std::string& name) : path_(parent + "/" + name) {
  remove_left_over();
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

OwnControlGroup::Killed OwnControlGroup::was_killed() const {
  if (const auto events = read_text(path_ + "/memory.events")) {
    // `oom_kill` alone may count what was ended for the memory of a group around this one.
    const bool is_over = counter_in(*events, "oom").value_or(0) != 0;
    return is_over && counter_in(*events, "oom_kill").value_or(0) != 0 ? Killed::yes : Killed::no;
  }
  const auto control = read_text(path_ + "/memory.oom_control");
  return control && counter_in(*control, "oom_kill").value_or(0) != 0 ? Killed::perhaps : Killed::no;
}

OwnControlGroup::~OwnControlGroup() {
  remove_left_over();
  if (!remove_group(path_)) leave_over(std::move(path_));
}

void enter_control_group(const std::string& path) { write_control_file(path + "/cgroup.procs", "0"); }

}  // namespace coproc::inline v0::os
