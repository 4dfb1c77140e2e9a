// When a worker counts as hung.
#pragma once

#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

/// Limits after which a supervised worker, or one of a pool, is taken for hung: it is asked where it is, and ended, and
/// the call that waits finds its end like any other. `ExitStatus::hung` says why. Each limit is longer than 0; without
/// one nothing is looked at. A worker that waits for messages and has nothing to answer never hangs, and neither does
/// one that is stopped, that a debugger holds, or whose host does not receive what it sends. docs/supervision.md and
/// docs/pools.md say who looks, and when.
struct HealthOptions {
  /// There is something for it in the link, and it has taken nothing out for so long.
  Timeout unread = kForever;
  /// A request has been in hand for so long: its target has received it, and not answered it. In a pool: a task has run
  /// for so long.
  Timeout reply = kForever;
  /// Its target has not called `this_worker::beat()` for so long. This begins with its first call, and stands still
  /// while it waits for messages. In a pool each task that ends counts as a call, once there was one.
  Timeout beat = kForever;
  /// Whether it is asked for its stack before it is ended (`Worker::stack`), for `ExitStatus::stack`.
  bool stack = true;
};

}  // namespace coproc::inline v0
