#include "deeds.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

namespace images {

namespace {

constexpr std::array<std::string_view, 6> kDeeds{"open", "connect", "fork", "kill", "memory", "loop"};

std::string outcome(const char* deed, int result) {
  return std::string(deed) + (result < 0 ? std::string(": ") + std::strerror(errno) : " has worked");
}

int connect_somewhere() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(443);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::close(fd);
  return result;
}

int fork_once() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child;
}

std::string take_memory() {
  std::vector<std::vector<char>> taken;
  for (;;) taken.emplace_back(std::size_t{16} << 20, 'x');  // until there is none left: std::bad_alloc
}

[[noreturn]] void loop() {
  for (std::atomic<unsigned> turns = 0;;) ++turns;
}

}  // namespace

bool is_deed(std::string_view name) { return std::find(kDeeds.begin(), kDeeds.end(), name) != kDeeds.end(); }

std::string commit(const std::string& deed) {
  if (deed == "open") return outcome("reading /etc/passwd", ::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  if (deed == "connect") return outcome("connecting", connect_somewhere());
  if (deed == "fork") return outcome("forking", fork_once());
  if (deed == "kill") return outcome("killing the host", ::kill(::getppid(), SIGKILL));
  if (deed == "memory") return take_memory();
  loop();
}

}  // namespace images
