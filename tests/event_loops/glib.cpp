// docs/event-loops.md: GLib, and with it GTK.
#include <glib-unix.h>

#include "loop.hpp"

// [page]
template <class T>  // AsyncMessenger or Pool
gboolean poll_one(int, GIOCondition, void* of) {
  static_cast<T*>(of)->poll();
  return G_SOURCE_CONTINUE;
}

void run(coproc::AsyncMessenger& messages, coproc::Pool<>& pool, const bool& is_over) {
  const guint of_worker =
      g_unix_fd_add(messages.native_handle(), G_IO_IN, &poll_one<coproc::AsyncMessenger>, &messages);
  const guint of_pool = g_unix_fd_add(pool.native_handle(), G_IO_IN, &poll_one<coproc::Pool<>>, &pool);
  while (!is_over) g_main_context_iteration(nullptr, TRUE);
  for (const guint each : {of_worker, of_pool}) g_source_remove(each);
}
// [page]
