// The options of pools and of their tasks: aggregates with defaults, to be written with designated initialisers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

#include "coproc/backoff.hpp"
#include "coproc/health.hpp"
#include "coproc/machine.hpp"
#include "coproc/options.hpp"
#include "coproc/progress.hpp"
#include "coproc/recycle.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

/// How the tasks of one `map` or `submit` are run. Options that are given to a call replace all of
/// `PoolOptions::tasks`.
struct TaskOptions {
  /// The number of tasks that are handed to a worker together. 0 stands for as many as take about 0.1 ms, and most
  /// programs should keep it. Results arrive one by one in any case, and a task that fails or dies does not affect
  /// others.
  std::size_t chunk_size = 0;
  /// How long a task may run. After that its worker is killed and replaced, and reading the result throws
  /// TaskTimeoutError. A timer in the worker does this, so it works even if the host does not wait.
  Timeout time_limit = kForever;
  /// How many times a task is run again after its worker died while it ran. With 0 a task runs at most once. A task
  /// that throws an exception or exceeds its time limit is not run again.
  std::size_t max_retries = 0;
  /// Whether a task is also run again while its worker on another machine may still run it (`Fence::no`). Otherwise the
  /// pool waits until that worker must have ended by its lease: for `MachineOptions::silence` after the loss.
  bool retries_unfenced = false;
  /// Whether the first task that fails ends its map. Then no further task is begun, and results behind the error are
  /// dropped.
  bool stop_on_error = false;
  /// A function that is called with the progress of a map, by the thread that reads the results: at most a hundred
  /// times a second, and once at the end.
  std::function<void(const Progress&)> progress = {};
};

/// How often and how soon workers are replaced that end by themselves. Workers that make place (`RecycleOptions`), and
/// those that are ended because of a time limit or of `Task::cancel`, do not count.
struct PoolRestartOptions {
  /// The most ends of workers, including starts that fail, within any stretch of `within`. At one more all tasks that
  /// no worker has fail with PoolBrokenError, which names these ends, and the next task starts workers again.
  std::size_t most = (std::numeric_limits<std::size_t>::max)();
  std::chrono::nanoseconds within = std::chrono::minutes(1);
  /// How long the place of a worker stays empty if it has ended, or could not be started, before it ended a task. Here
  /// the delays are counted from that end, and a task that ends begins them anew, too. A worker that ends in a task is
  /// replaced at once, since it is that task that fails.
  Backoff backoff = {.first = std::chrono::milliseconds(10),
                     .then = std::chrono::milliseconds(20),
                     .factor = 2,
                     .most = std::chrono::seconds(1),
                     .spread = 0};
};

struct PoolOptions {
  /// The number of workers. 0 stands for the number of processors that this process may use by its affinity mask and
  /// control groups. With `machines` it must be given. More than 65,536 are refused with InvalidArgumentError.
  std::size_t workers = 0;
  /// Other machines on which the workers run, which are dealt to them in turn. Empty: they run on this machine. A
  /// machine that is given twice gets two workers in each turn.
  std::vector<Machine> machines = {};
  /// The number of tasks that a worker has at a time, so that it finds the next one at once. 0 stands for as many as
  /// take about 25 ms, but at least one; then a long task never waits behind another one while there are idle workers.
  /// Most programs should keep it. Give 2 or more if workers should go on with long tasks, too, between the calls of
  /// the host.
  std::size_t window = 0;
  /// How often, and how soon, workers are replaced that have ended.
  PoolRestartOptions restart = {};
  /// When a worker counts as hung, and is ended. The task that it ran fails with WorkerDiedError, whose
  /// `exit_status().hung` says why, or runs again by `TaskOptions::max_retries`. Not with `machines`.
  HealthOptions health = {};
  /// When a worker makes place for a new one although it works. `requests` are its tasks.
  RecycleOptions recycle = {};
  /// Whether each worker is bound to one processor. Workers take the processors in turns.
  bool pin = false;
  /// Whether the pool has a thread that hands out tasks and takes in results, for programs that submit tasks and do
  /// other things. Otherwise the threads that wait for results do that.
  bool background = false;
  /// The options of calls that give none.
  TaskOptions tasks = {};
  /// The options of each worker: start method, limits of the link, environment, and so on.
  ///
  /// `stop` bounds how long a worker may take for its exit function when the pool ends; a worker in the middle of a
  /// task gets SIGTERM at once. A worker that has not ended after `stop.kill` (at least 1 s) since a SIGKILL is given
  /// up, and another one takes its place.
  ///
  /// `link.max_queued_bytes` also bounds the unread results of a map, and those of all submitted tasks together. Beyond
  /// that no further task begins, unless a thread waits for it. Workers without a name are called "pool worker".
  WorkerOptions worker = {};
};

}  // namespace coproc::inline v0
