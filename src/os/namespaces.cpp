#include "os/namespaces.hpp"

#include <limits.h>
#include <unistd.h>

#include <charconv>

#include "os/fault.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::os {

namespace {

std::string target_of(const std::string& name) {
  char target[64];
  const std::string path = "/proc/thread-self/ns/" + name;
  const ssize_t length = call_retried([&] { return ::readlink(path.c_str(), target, sizeof target); });
  return {target, static_cast<std::size_t>(length < 0 ? 0 : length)};
}

}  // namespace

std::string namespaces() {
  std::string all;
  for (const char* name : {"user", "pid_for_children", "mnt", "net", "ipc", "uts"}) {
    all += target_of(name) + " ";
  }
  return all;
}

bool gives_children_another_pid_namespace() {
  const std::string own = target_of("pid"), theirs = target_of("pid_for_children");
  // No target: it is made, and has no process yet.
  return !own.empty() && own != theirs;
}

std::optional<pid_t> pid_here(const Pidfd& process) {
  const std::string text = read_text("/proc/self/fdinfo/" + std::to_string(process.fd())).value_or("");
  const auto at = text.find("\nPid:\t");
  if (at == std::string::npos) return std::nullopt;
  pid_t pid = 0;
  std::from_chars(text.data() + at + 6, text.data() + text.size(), pid);
  return pid > 0 ? std::optional(pid) : std::nullopt;
}

}  // namespace coproc::inline v0::os
