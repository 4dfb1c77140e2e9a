// For libraries that make files in /dev/shm or /tmp under names that others may use, too, or listen on every network.
//
// Does nothing if the system does not allow namespaces, as in many containers. The library works there, too, but if it
// is killed its files stay. Call it before there are threads.
#pragma once

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <initializer_list>
#include <string>

#include "peer.hpp"

namespace bench {

inline bool write_file(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return is_written;
}

/// Without root this is possible in a user namespace.
inline bool enter_mount_namespace() {
  if (unshare(CLONE_NEWNS) == 0) return true;
  const std::string user = std::to_string(geteuid()), group = std::to_string(getegid());
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_file("/proc/self/uid_map", user + " " + user + " 1") &&
         write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/gid_map", group + " " + group + " 1");
}

/// From now on nobody else sees what this process and its children make in these directories, and everything is gone
/// with the last of them, however they end.
inline void keep_files_private(std::initializer_list<const char*> directories) {
  if (!enter_mount_namespace() || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
  for (const char* directory : directories) mount("none", directory, "tmpfs", MS_NOSUID | MS_NODEV, nullptr);
}

/// From now on the only network is a loopback of this process and its children. Call it after keep_files_private.
inline void keep_network_private() {
  if (unshare(CLONE_NEWNET) != 0) return;
  ifreq loopback = {.ifr_ifrn = {"lo"}, .ifr_ifru = {}};
  loopback.ifr_flags = IFF_UP;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) != 0) throw_errno("starting the loopback interface");
  close(fd);
}

}  // namespace bench
