#include "os/epoll.hpp"

#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

Epoll::Epoll() {
  Fd fd(call_once([] { return ::epoll_create1(EPOLL_CLOEXEC); }));
  if (!fd) throw_errno("epoll_create1", "EPOLL_CLOEXEC");
  fd_ = above_stdio(std::move(fd));
}

void Epoll::add(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (call_once([&] { return ::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event); }) != 0) {
    throw_errno("epoll_ctl", fd_.get(), "EPOLL_CTL_ADD", fd);
  }
}

void Epoll::remove(int fd) {
  epoll_event unused{};
  if (call_once([&] { return ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, &unused); }) != 0) {
    throw_errno("epoll_ctl", fd_.get(), "EPOLL_CTL_DEL", fd);
  }
}

}  // namespace coproc::inline v0::os
