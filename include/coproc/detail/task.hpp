// A task of a pool without its types: what the templates of the public headers hand to src/pool, and what they are given
// there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "coproc/codec.hpp"
#include "coproc/export.hpp"
#include "coproc/message.hpp"
#include "coproc/messenger.hpp"
#include "coproc/pool_insights.hpp"
#include "coproc/pool_options.hpp"

namespace coproc::inline v0::detail {

class PoolCore;
struct Job;

/// In a worker: one task on its way.
struct TaskRun {
  Decoder& arguments;
  void* state;          // what the init function has returned, or null
  void (*function)();   // of a function task
  const void* context;  // in a worker that is a fork: what the pool was made with
  /// To be called once, with the result.
  void (*reply)(TaskRun& run, const Outgoing& result);
  bool is_skipped = false;  // its arguments are only to be read past
  bool is_decoded = false;  // they were, and from now on an exception is the function's own
};

/// What a task runs: `run` decodes the arguments, and unless it is skipped calls and replies.
struct TaskCode {
  void (*run)(TaskRun& run) = nullptr;
  void (*function)() = nullptr;
};

/// A stretch of calls of one job in the host, mostly of a single one: their arguments, later their results. What a stretch's worker has
/// answered is split off, so that of the calls of one that is with a worker none has been answered.
class COPROC_API Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task();
  /// Writes the arguments of the calls [begin, begin + calls) of those that it was made with, one behind the other.
  virtual void encode(Encoder& encoder) const = 0;
  bool is_cancelled() const noexcept { return cancelled_at != 0; }

  std::shared_ptr<Job> job;       // of which it is one
  std::size_t calls = 1;          // at least one; only a single one can be cancelled
  std::size_t begin = 0;          // calls that were split off
  std::uint64_t index = 0;        // of its first call, in the job
  std::uint64_t serial = 0;       // of its first call, among all that were sent to its worker
  std::size_t deaths = 0;         // of workers while they ran its first call
  std::int64_t cancelled_at = 0;  // ns; 0: it was not
  bool is_told_to_skip = false;   // its worker is, or will be
  bool is_skip_sent = false;      // it is
  std::optional<Message> result;  // of a single call
  Buffer results;  // where there is no `result`: for each call that was answered its size (32 bits) and its bytes
  std::size_t answered = 0;    // how many these are, until they are all or are split off
  std::exception_ptr error;    // of each call
  std::size_t held_bytes = 0;  // what its result or its error is counted for while nobody has read it
  Task* next = nullptr;        // in the list that it is in
};
using TaskPtr = std::unique_ptr<Task>;

/// Decodes the result of one call, whose head was checked. `at`: where it lies in `Task::results`. Throws DecodeError.
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

/// How a pool makes the state of its workers. In a fork (LazyPool) there is a `context` instead.
struct StateCode {
  void* (*make)(Decoder& init, void (*function)()) = nullptr;  // null: no init function
  void (*unmake)(void* state, Decoder& exit, void (*function)()) = nullptr;
  void (*init_function)() = nullptr;
  void (*exit_function)() = nullptr;
  void (*encode_init)(Encoder& encoder, const void* init) = nullptr;
  void (*encode_exit)(Encoder& encoder, const void* exit) = nullptr;
  const void* init = nullptr;  // while the pool is made
  const void* exit = nullptr;
  TaskCode forked = {};  // what the workers run that are forks
  const void* context = nullptr;
};

/// A pool's end of things; shared by the pool, its maps and its submitted tasks. All calls may be made by any thread.
class COPROC_API PoolHandle {
 public:
  PoolHandle(const StateCode& state, PoolOptions options);
  PoolHandle(PoolHandle&&) noexcept = default;
  PoolHandle& operator=(PoolHandle&& other) noexcept;
  ~PoolHandle();  // stops it

  const TaskOptions& task_options() const;
  std::size_t size() const;
  std::size_t pending() const;
  bool wait(Timeout timeout);
  void interrupt() noexcept;
  void stop();
  PoolInsights insights() const;
  std::vector<int> pids() const;
  const std::shared_ptr<PoolCore>& core() const;

 private:
  std::shared_ptr<PoolCore> core_;
};

/// What a job is besides its options.
struct JobShape {
  bool is_ordered = false;
  bool is_submitted = false;  // one task, which goes on when its handle is gone
};

/// The reading end of a map or a submitted task.
class COPROC_API JobHandle {
 public:
  JobHandle() noexcept;
  JobHandle(const PoolHandle& pool, const TaskCode& code, TaskOptions options, const JobShape& shape);
  JobHandle(JobHandle&&) noexcept;
  JobHandle& operator=(JobHandle&&) noexcept;
  ~JobHandle();  // what is not read of a map is abandoned; a submitted task goes on

  /// How many calls may be added now, and how many of them belong into one task.
  struct Wanted {
    std::size_t calls, stretch;
  };
  Wanted wanted() const;
  /// Hands these over and keeps the workers busy, without waiting.
  void add(std::vector<TaskPtr> tasks);
  /// No more will be added. `error`: thrown behind the last result.
  void end_input(std::exception_ptr error = nullptr);

  enum class News { results, wants_input, finished, timed_out };
  /// Waits until something can be done. `results`: at least one was put into `into`. Throws what ends the job,
  /// InterruptedError, NotOwnerError.
  News wait(std::deque<TaskPtr>& into, Timeout timeout = kForever);
  /// Keeps the workers busy, without waiting.
  void tend();
  /// Looks what has come, without waiting.
  bool is_done() const;
  bool cancel();

 private:
  void leave() noexcept;
  std::shared_ptr<PoolCore> core_;
  std::shared_ptr<Job> job_;
};

}  // namespace coproc::inline v0::detail
