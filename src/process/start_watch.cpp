#include "process/start_watch.hpp"

#include <system_error>

namespace coproc::inline v0::process {

StartWatch::StartWatch(const os::ForkLock&) { epoll_.add(timer_.fd(), EPOLLIN); }

StartWatch::~StartWatch() {
  const os::ForkLock no_fork;  // see Link::~Link()
  leave_in_child();
}

void StartWatch::leave_in_child() noexcept {
  epoll_.close();
  timer_.close();
}

void StartWatch::watch(const std::array<int, 3>& fds, const os::Deadline& deadline) {
  let_go();
  for (const int fd : fds) {
    if (fd < 0) continue;
    epoll_.add(fd, EPOLLIN);
    watched_.push_back(fd);
  }
  if (!deadline.is_forever()) timer_.set(deadline.remaining());
}

void StartWatch::let_go() noexcept {
  for (const int fd : watched_) {
    try {
      epoll_.remove(fd);
    } catch (const std::system_error&) {
      // The program has closed the descriptor, so that it is not watched any more.
    }
  }
  watched_.clear();
}

}  // namespace coproc::inline v0::process
