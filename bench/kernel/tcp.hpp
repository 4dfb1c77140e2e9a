// A connection of TCP over the loopback interface, without delay.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "peer.hpp"
#include "work.hpp"

namespace bench {

class TcpWire {
 public:
  TcpWire() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener_ < 0) throw_errno("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (::bind(listener_, any, size) != 0) throw_errno("bind");
    if (::listen(listener_, 1) != 0) throw_errno("listen");
    if (::getsockname(listener_, any, &size) != 0) throw_errno("getsockname");
    port_ = address.sin_port;
  }
  TcpWire(const TcpWire&) = delete;
  TcpWire& operator=(const TcpWire&) = delete;
  ~TcpWire() {
    if (fd_ >= 0) ::close(fd_);
    if (listener_ >= 0) ::close(listener_);
  }

  void become_host() {
    fd_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd_ < 0) throw_errno("accept4");
    settle();
  }
  void become_peer() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) throw_errno("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = port_;
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw_errno("connect");
    settle();
  }
  int fd() const noexcept { return fd_; }

  void write(const void* data, std::size_t size) {
    const auto* at = static_cast<const char*>(data);
    while (size != 0) {
      const ssize_t n = ::send(fd_, at, size, MSG_NOSIGNAL);
      if (n < 0 && errno != EINTR) throw_errno("send");
      if (n > 0) at += n, size -= static_cast<std::size_t>(n);
    }
  }
  std::size_t read(void* data, std::size_t most) {
    for (;;) {
      const ssize_t n = ::recv(fd_, data, most, 0);
      check(n != 0, "the other side is gone");
      if (n > 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) throw_errno("recv");
    }
  }

 private:
  void settle() {
    ::close(listener_);
    listener_ = -1;
    const int yes = 1;
    if (::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0) throw_errno("setsockopt");
  }

  int listener_ = -1, fd_ = -1;
  in_port_t port_ = 0;
};

}  // namespace bench
