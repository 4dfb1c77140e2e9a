// The options of pools and of their tasks: aggregates with defaults, to be written with designated initialisers.
#pragma once

#include <cstddef>
#include <functional>

#include "coproc/options.hpp"
#include "coproc/progress.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

/// How the tasks of one `map` or `submit` are run. Given to a call, they take the place of `PoolOptions::tasks`.
struct TaskOptions {
  /// How many tasks are handed to a worker together. 0: as many as take it about a tenth of a millisecond. Results come one by
  /// one in any case, and a task that fails or dies takes no other with it.
  std::size_t chunk_size = 0;
  /// How long a task may run; then its worker is killed and replaced, and reading the result throws TaskTimeoutError. The worker
  /// sees to it by itself, whether or not the host is waiting.
  Timeout time_limit = kForever;
  /// How often a task is run again because its worker died while it ran. 0: at most once. An exception is a result, and so is
  /// the end of its time: neither is tried again.
  std::size_t max_retries = 0;
  /// Of a map: whether the first task that fails ends it. No further task is begun then, and what comes after the error is
  /// dropped.
  bool stop_on_error = false;
  /// Called by the thread that reads a map's results, each time that it has waited or read: at most a hundred times a second,
  /// and once at the end.
  std::function<void(const Progress&)> progress = {};
};

struct PoolOptions {
  /// 0: as many as processors that this process may use, by its affinity mask and its control groups.
  std::size_t workers = 0;
  /// How many tasks a worker is given before it has ended the first of them, so that it finds work at once. 0: as many as take
  /// about 25 milliseconds, one at least: then a long task never waits behind another while there are idle workers. Give a number
  /// of 2 or more where workers shall go on between the host's calls with long ones, too.
  std::size_t window = 0;
  /// After so many tasks a worker is replaced by a new one. 0: never.
  std::size_t tasks_per_worker = 0;
  /// A worker that has more resident bytes than this when it ends a task gets no further one and is replaced. 0: never.
  std::size_t memory_per_worker = 0;
  /// Whether each worker stays on one processor, taken in turns.
  bool pin = false;
  /// Whether a thread of the pool drives it, for programs that submit and go away. Otherwise there is none, and whoever waits for
  /// a result drives.
  bool background = false;
  /// For calls that give none of their own.
  TaskOptions tasks = {};
  /// Of each worker: start method, limits of the link, environment, ... `stop` is how long a worker may take to leave its exit
  /// function when the pool ends; one in the middle of a task is sent SIGTERM at once; one that does not end within `stop.kill` of a
  /// SIGKILL (1 s at least) is given up, and another takes its place. `link.max_queued_bytes` is also what the unread results of a
  /// map may take, and those of all submitted tasks together: then no further task begins but for one that is waited for. Without
  /// a name they are called "pool worker".
  WorkerOptions worker = {};
};

}  // namespace coproc::inline v0
