// The tasks of a pool without their types: the interface between the templates of the public headers and src/pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coproc/codec.hpp"
#include "coproc/export.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"
#include "coproc/pool_insights.hpp"
#include "coproc/pool_options.hpp"

namespace coproc::inline v0::detail {

class PoolCore;
class PoolWorker;
struct Job;
struct PoolFunction;
struct TaskRun;

/// The code of a task: `run` decodes the arguments and, unless the task is skipped, calls the function and replies.
struct TaskCode {
  void (*run)(TaskRun& run) = nullptr;
  void (*function)() = nullptr;
};

/// A function as a worker knows it.
struct KnownFunction {
  TaskCode code;
  std::string data;            // the bytes that were sent with it (PoolHandle::new_function)
  std::shared_ptr<void> made;  // an object that `TaskCode::run` makes of the data and keeps
};

/// A task that is being run in a worker.
struct TaskRun {
  Decoder& arguments;
  void* state;  // the result of the init function, or null
  KnownFunction& function;
  const void* context;  // in the fork of a LazyPool: its function and elements
  /// Sends the result. It is called once.
  void (*reply)(TaskRun& run, const Outgoing& result);
  bool is_skipped = false;  // the arguments are read, but the function is not called
  bool is_decoded = false;  // the arguments were read; from now on an exception is one of the function
};

/// A stretch of calls of one job in the host, mostly of a single one: first their arguments, later their results. The
/// calls that a worker has answered are split off. So no call of a stretch that is with a worker has been answered.
class COPROC_API Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task();
  /// Writes the arguments of the calls [begin, begin + calls) of those that it was made with, one behind the other.
  virtual void encode(Encoder& encoder) const = 0;
  bool is_cancelled() const noexcept { return cancelled_at != 0; }

  std::shared_ptr<Job> job;        // the map or submit to which it belongs
  std::size_t calls = 1;           // at least one; only a single one can be cancelled
  std::size_t begin = 0;           // the number of calls that were split off
  std::uint64_t index = 0;         // the index of its first call in the job
  std::uint64_t serial = 0;        // the number of its first call among all that were sent to its worker
  std::uint64_t sent_until = 0;    // the end of its message in the link to its worker
  std::size_t deaths = 0;          // the number of workers that died while they ran its first call
  std::int64_t cancelled_at = 0;   // in ns; 0 if it was not cancelled
  bool is_skip_requested = false;  // the worker is to be told to skip it
  bool is_skip_sent = false;       // the worker was told to skip it
  std::optional<Message> result;   // of a single call
  Buffer results;                  // without a `result`: for each answered call its size (32 bits) and its bytes
  std::size_t answered = 0;        // the number of these, until all are answered or they are split off
  std::exception_ptr error;        // of each call
  std::size_t held_bytes = 0;      // the bytes for which its unread results or its error count
  Task* next = nullptr;            // the next task in its list
};
using TaskPtr = std::unique_ptr<Task>;

/// Decodes the result of one call, whose head was checked before. `at`: its place in `Task::results`. Throws the error
/// of the task, and DecodeError.
class COPROC_API ResultDecoder {
 public:
  explicit ResultDecoder(const Task& task, std::size_t at = 0);
  Decoder& decoder() noexcept { return decoder_; }
  /// Where the next call's result lies.
  static std::size_t end_of(const Task& task, std::size_t at) noexcept;

 private:
  Decoder decoder_;
};

/// Of one call of a task that has ended: throws its error, if it has one.
template <class R>
R decode_result(const Task& task, std::size_t at = 0) {
  if (task.error) std::rethrow_exception(task.error);
  ResultDecoder from(task, at);
  R value = coproc::decode<R>(from.decoder());
  from.decoder().finish();
  return value;
}

/// The functions that make and destroy the state of a worker. The forks of a LazyPool have a `context` instead.
struct StateCode {
  void* (*make)(Decoder& init, void (*function)()) = nullptr;  // null without an init function
  void (*unmake)(void* state, Decoder& exit, void (*function)()) = nullptr;
  void (*init_function)() = nullptr;
  void (*exit_function)() = nullptr;
  void (*encode_init)(Encoder& encoder, const void* init) = nullptr;
  void (*encode_exit)(Encoder& encoder, const void* exit) = nullptr;
  const void* init = nullptr;  // valid while the pool is made
  const void* exit = nullptr;
  TaskCode forked = {};  // the code of the forks of a LazyPool
  const void* context = nullptr;
};

/// The default of the options of every call. It is recognised by its address and stands for `PoolOptions::tasks`.
COPROC_API extern const TaskOptions kTasksOfPool;

/// A handle to the core of a pool.
///
/// Thread safety: any thread may make all calls.
class COPROC_API PoolHandle {
 public:
  PoolHandle(const StateCode& state, PoolOptions options);
  /// A pool of workers that `make_worker` makes (detail/pool_worker.hpp). Of `options.worker` the pool uses only the
  /// name, for its errors, `stop`, and `link.max_queued_bytes`.
  PoolHandle(PoolOptions options, std::function<std::unique_ptr<PoolWorker>(std::size_t)> make_worker);
  PoolHandle(PoolHandle&&) noexcept = default;
  PoolHandle& operator=(PoolHandle&& other) noexcept;
  ~PoolHandle();  // stops the pool

  /// The options of a call: `given`, or the options of the pool if that is kTasksOfPool.
  const TaskOptions& task_options(const TaskOptions& given) const;
  std::size_t size() const;
  std::size_t pending() const;
  bool wait(Timeout timeout);
  void interrupt() noexcept;
  int native_handle();
  void poll();
  void stop();
  void stop(const StopOptions& options);
  PoolInsights insights() const;
  std::vector<int> pids() const;
  /// A function that consists of `data`, which is sent to each worker once. The workers keep it as long as this program
  /// does.
  std::shared_ptr<PoolFunction> new_function(std::string data);
  const std::shared_ptr<PoolCore>& core() const;

 private:
  std::shared_ptr<PoolCore> core_;
};

/// The properties of a job besides its options.
struct JobShape {
  bool is_ordered = false;
  bool is_submitted = false;  // one task, which runs even if its handle was destroyed
};

/// The reader of a map or of a submitted task.
class COPROC_API JobHandle {
 public:
  JobHandle() noexcept;
  JobHandle(const PoolHandle& pool, const TaskCode& code, TaskOptions options, const JobShape& shape);
  JobHandle(const PoolHandle& pool, std::shared_ptr<PoolFunction> function, TaskOptions options, const JobShape& shape);
  JobHandle(JobHandle&&) noexcept;
  JobHandle& operator=(JobHandle&&) noexcept;
  ~JobHandle();  // abandons the rest of a map; a submitted task goes on

  /// How many calls may be added now, and how many of them belong into one task.
  struct Wanted {
    std::size_t calls, stretch;
  };
  Wanted wanted() const;
  /// Hands tasks over and keeps the workers busy, without waiting.
  void add(std::vector<TaskPtr> tasks);
  /// Declares that no more tasks will be added. `error`, if it is not null, is thrown behind the last result.
  void end_input(std::exception_ptr error = nullptr);

  enum class News { results, wants_input, finished, timed_out };
  /// Waits until there is something to do. With `results` at least one result was put into `into`. Throws the error
  /// that ends the job, InterruptedError, and NotOwnerError.
  News wait(std::deque<TaskPtr>& into, Timeout timeout = kForever);
  /// Keeps the workers busy, without waiting.
  void tend();
  /// Whether all tasks have ended. Takes in results that have arrived, without waiting.
  bool is_done() const;
  /// Of a submitted task: takes it back, and ends its worker if it runs and `even_if_running` is true. Returns false if
  /// it has ended, or goes on.
  bool cancel(bool even_if_running = true);
  /// Of a submitted task: `function` is called once, when the task has ended: now, or later by a thread that is in a
  /// call of the pool. The pool is not locked meanwhile. Exceptions of the function are dropped.
  void then(std::function<void()> function);
  /// Drives the pool until one of these jobs has a result. Returns false if none has one in this time. All jobs must
  /// belong to one pool. Throws the errors of `wait`.
  static bool wait_any(std::span<JobHandle* const> jobs, Timeout timeout);

 private:
  void abandon() noexcept;
  std::shared_ptr<PoolCore> core_;
  std::shared_ptr<Job> job_;
};

}  // namespace coproc::inline v0::detail
