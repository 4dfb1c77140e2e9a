#include "os/fd_passing.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/poll.hpp"

namespace coproc::inline v0::os {

namespace {

constexpr int kPidfdOfSender = 4;  // SCM_PIDFD, Linux 6.5; the C library's headers do not have it yet

/// Room for the control message with as many descriptors as the kernel takes.
struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(sizeof(int) * kMostFdsAtOnce)> bytes{};
};

/// How many bytes were sent; 0: there is no space now; -1: the other end is gone.
ssize_t send_some(const Fd& socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};  // the kernel only reads it
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  Control control;
  if (!fds.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  const ssize_t sent = call_retried([&] { return ::sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT); });
  if (sent >= 0) return sent;
  if (errno == EAGAIN) return 0;
  if (errno == EPIPE || errno == ECONNRESET) return -1;
  throw_errno("sendmsg", socket.get(), bytes.size(), fds.size());
}

void wait_for_space(const Fd& socket, const Deadline& deadline) {
  pollfd entry = {socket.get(), POLLOUT, 0};
  if (poll_once({&entry, 1}, deadline) == PollEnd::timed_out) {
    errno = ETIMEDOUT;
    throw_errno("sendmsg", socket.get());
  }
}

}  // namespace

bool send_with_fds(const Fd& socket, std::span<const std::byte> bytes, std::span<const int> fds,
                   const Deadline& deadline) {
  if (fds.size() > kMostFdsAtOnce) {
    errno = EINVAL;
    throw_errno("sendmsg", socket.get(), bytes.size(), fds.size());
  }
  while (!bytes.empty()) {
    const ssize_t sent = send_some(socket, bytes, fds);
    if (sent < 0) return false;
    if (sent == 0) {
      wait_for_space(socket, deadline);
      continue;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
    fds = {};
  }
  return true;
}

bool receive_with_fds(const Fd& socket, std::span<std::byte> bytes, std::vector<Fd>& fds) {
  while (!bytes.empty()) {
    iovec data{bytes.data(), bytes.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    const ssize_t got = call_retried([&] { return ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC); });
    if (got < 0 && errno != ECONNRESET) throw_errno("recvmsg", socket.get(), bytes.size());
    if (got <= 0) return false;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      const bool is_of_sender = header->cmsg_type == kPidfdOfSender;  // comes after ask_for_senders(); not wanted here
      if (header->cmsg_level != SOL_SOCKET || (header->cmsg_type != SCM_RIGHTS && !is_of_sender)) continue;
      std::vector<Fd> come;
      for (std::size_t at = 0; at + CMSG_LEN(sizeof(int)) <= header->cmsg_len; at += sizeof(int)) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(header) + at, sizeof fd);
        come.emplace_back(fd);
      }
      if (is_of_sender) continue;
      for (Fd& fd : come) fds.push_back(above_stdio(std::move(fd)));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

PeerProcess peer_of(const Fd& socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (call_once([&] { return ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size); }) != 0) {
    throw_errno("getsockopt", socket.get(), "SO_PEERCRED");
  }
  return {credentials.pid, credentials.uid};
}

}  // namespace coproc::inline v0::os
