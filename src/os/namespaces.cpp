#include "os/namespaces.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "os/fault.hpp"
#include "os/file.hpp"

namespace coproc::inline v0::os {

namespace {

/// Opens the directory once for all of them, since they are compared at every start.
Fd directory() noexcept {
  return Fd(call_retried([] { return ::open("/proc/thread-self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC); }));
}

std::string target_of(const Fd& directory, const char* name) {
  char target[64];
  const ssize_t length = call_retried([&] { return ::readlinkat(directory.get(), name, target, sizeof target); });
  return {target, static_cast<std::size_t>(length < 0 ? 0 : length)};
}

}  // namespace

std::string namespaces() {
  const Fd all_of_them = directory();
  std::string all;
  for (const char* name : {"user", "pid_for_children", "mnt", "net", "ipc"}) {
    all += target_of(all_of_them, name) + " ";
  }
  return all;
}

bool gives_children_another_pid_namespace() {
  const Fd all = directory();
  const std::string own = target_of(all, "pid"), theirs = target_of(all, "pid_for_children");
  // The link has no target: the namespace is made, and has no process yet.
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
