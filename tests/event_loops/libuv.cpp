// docs/event-loops.md: libuv.
#include <uv.h>

#include "loop.hpp"

// [page]
void run(coproc::AsyncMessenger& messages, coproc::Pool<>& pool, const bool& is_over) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  uv_poll_t of_worker, of_pool;
  uv_poll_init(&loop, &of_worker, messages.native_handle());
  uv_poll_init(&loop, &of_pool, pool.native_handle());
  of_worker.data = &messages;
  of_pool.data = &pool;
  uv_poll_start(&of_worker, UV_READABLE,
                [](uv_poll_t* of, int, int) { static_cast<coproc::AsyncMessenger*>(of->data)->poll(); });
  uv_poll_start(&of_pool, UV_READABLE, [](uv_poll_t* of, int, int) { static_cast<coproc::Pool<>*>(of->data)->poll(); });
  while (!is_over) uv_run(&loop, UV_RUN_ONCE);
  for (uv_poll_t* each : {&of_worker, &of_pool}) uv_close(reinterpret_cast<uv_handle_t*>(each), nullptr);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
}
// [page]
