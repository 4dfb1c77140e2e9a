#include "os/tcp.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

namespace {

constexpr int kWaiting = 1024;  // connections that the kernel keeps until they are accepted

struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;

  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

Address everywhere(int family, std::uint16_t port) noexcept {
  Address address;
  if (family == AF_INET6) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    in.sin6_addr = in6addr_any;
    std::memcpy(&address.storage, &in, address.bytes = sizeof in);
  } else {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&address.storage, &in, address.bytes = sizeof in);
  }
  return address;
}

std::optional<Address> parsed(const std::string& text, std::uint16_t port) noexcept {
  sockaddr_in in{};
  sockaddr_in6 in6{};
  Address address = everywhere(AF_INET, port);
  std::memcpy(&in, &address.storage, sizeof in);
  if (::inet_pton(AF_INET, text.c_str(), &in.sin_addr) == 1) {
    std::memcpy(&address.storage, &in, sizeof in);
    return address;
  }
  address = everywhere(AF_INET6, port);
  std::memcpy(&in6, &address.storage, sizeof in6);
  if (::inet_pton(AF_INET6, text.c_str(), &in6.sin6_addr) != 1) return std::nullopt;
  std::memcpy(&address.storage, &in6, sizeof in6);
  return address;
}

/// As text; empty: it is of another kind, or has a meaning on one network only.
std::string text_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    if (IN6_IS_ADDR_LINKLOCAL(&in.sin6_addr)) return "";
    ::inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
  }
  constexpr const char* kMapped = "::ffff:";  // how an IPv4 address looks to a socket of IPv6
  const bool is_mapped = std::strncmp(text, kMapped, std::strlen(kMapped)) == 0 && std::strchr(text, '.') != nullptr;
  return is_mapped ? text + std::strlen(kMapped) : text;
}

void set_option(const Fd& socket, int level, int option, int value) noexcept {
  (void)call_once([&] { return ::setsockopt(socket.get(), level, option, &value, sizeof value); });
}

/// What waits in the kernel cannot be overtaken, so that it is to be little; and no small frame waits for a larger one.
void prepare(const Fd& socket) noexcept {
  constexpr int kUnsentBytes = 128 << 10;
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytes);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

Fd new_socket(int family) {
  const int fd = call_once([&] { return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); });
  if (fd < 0) throw_errno("socket", family == AF_INET6 ? "AF_INET6" : "AF_INET", "SOCK_STREAM");
  return above_stdio(Fd(fd));
}

Fd listen_by(int family, std::uint16_t port) {
  Fd socket = new_socket(family);
  if (family == AF_INET6) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  // Connections of earlier listeners at this port may go on, or have ended a moment ago.
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  Address address = everywhere(family, port);
  if (call_once([&] { return ::bind(socket.get(), address.get(), address.bytes); }) != 0) {
    throw_errno("bind", socket.get(), port);
  }
  if (call_once([&] { return ::listen(socket.get(), kWaiting); }) != 0) throw_errno("listen", socket.get(), kWaiting);
  return socket;
}

}  // namespace

Fd listen_everywhere(std::uint16_t port) {
  try {
    return listen_by(AF_INET6, port);
  } catch (const std::system_error& error) {
    if (error.code().value() == EADDRINUSE || error.code().value() == EACCES) throw;
    return listen_by(AF_INET, port);  // this machine has no IPv6
  }
}

std::uint16_t port_of(const Fd& socket) {
  Address address;
  address.bytes = sizeof address.storage;
  if (call_once([&] { return ::getsockname(socket.get(), address.get(), &address.bytes); }) != 0) {
    throw_errno("getsockname", socket.get());
  }
  sockaddr_in in{};  // the port is at the same place in both
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::memcpy(&in, &address.storage, sizeof in);
  return ntohs(in.sin_port);
}

std::vector<std::string> own_addresses() {
  ifaddrs* first = nullptr;
  if (call_once([&] { return ::getifaddrs(&first); }) != 0) throw_errno("getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(first, &::freeifaddrs);
  std::vector<std::string> outside, inside;
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0) continue;
    const std::string text = text_of(each->ifa_addr);
    if (!text.empty()) ((each->ifa_flags & IFF_LOOPBACK) != 0 ? inside : outside).push_back(text);
  }
  outside.insert(outside.end(), inside.begin(), inside.end());
  return outside;
}

std::optional<Accepted> accept_next(const Fd& listener) noexcept {
  Address address;
  address.bytes = sizeof address.storage;
  Fd socket(call_retried(
      [&] { return ::accept4(listener.get(), address.get(), &address.bytes, SOCK_CLOEXEC | SOCK_NONBLOCK); }));
  if (!socket) return std::nullopt;
  prepare(socket);
  return Accepted{std::move(socket), text_of(address.get())};
}

Fd begin_connecting(const std::string& address, std::uint16_t port) {
  auto to = parsed(address, port);
  if (!to) {
    errno = EINVAL;
    throw_errno("connect", address, port);
  }
  Fd socket = new_socket(to->storage.ss_family);
  prepare(socket);
  if (call_once([&] { return ::connect(socket.get(), to->get(), to->bytes); }) != 0 && errno != EINPROGRESS) {
    throw_errno("connect", address, port);
  }
  return socket;
}

int connecting_error(const Fd& socket) noexcept {
  int error = 0;
  socklen_t bytes = sizeof error;
  if (call_once([&] { return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &bytes); }) != 0) return errno;
  return error;
}

void end_sending(const Fd& socket) noexcept {
  (void)call_once([&] { return ::shutdown(socket.get(), SHUT_WR); });
}

}  // namespace coproc::inline v0::os
