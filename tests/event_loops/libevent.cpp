// docs/event-loops.md: libevent.
#include <event2/event.h>

#include "loop.hpp"

// [page]
void run(coproc::AsyncMessenger& messages, coproc::Pool<>& pool, const bool& is_over) {
  event_base* const loop = event_base_new();
  event* const of_worker = event_new(
      loop, messages.native_handle(), EV_READ | EV_PERSIST,
      [](int, short, void* of) { static_cast<coproc::AsyncMessenger*>(of)->poll(); }, &messages);
  event* const of_pool = event_new(
      loop, pool.native_handle(), EV_READ | EV_PERSIST,
      [](int, short, void* of) { static_cast<coproc::Pool<>*>(of)->poll(); }, &pool);
  for (event* const each : {of_worker, of_pool}) event_add(each, nullptr);
  while (!is_over) event_base_loop(loop, EVLOOP_ONCE);
  for (event* const each : {of_worker, of_pool}) event_free(each);
  event_base_free(loop);
}
// [page]
