// docs/event-loops.md: epoll.
#include <sys/epoll.h>

#include "loop.hpp"

// [page]
void run(coproc::AsyncMessenger& messages, coproc::Pool<>& pool, const bool& is_over) {
  const int loop = epoll_create1(EPOLL_CLOEXEC);
  epoll_event of_worker{.events = EPOLLIN, .data = {.fd = messages.native_handle()}};
  epoll_event of_pool{.events = EPOLLIN, .data = {.fd = pool.native_handle()}};
  epoll_ctl(loop, EPOLL_CTL_ADD, messages.native_handle(), &of_worker);
  epoll_ctl(loop, EPOLL_CTL_ADD, pool.native_handle(), &of_pool);
  for (epoll_event event; !is_over && epoll_wait(loop, &event, 1, -1) == 1;) {
    if (event.data.fd == messages.native_handle())
      messages.poll();
    else
      pool.poll();
  }
  close(loop);
}
// [page]
