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

/// One task in the host: its arguments, later its result.
class COPROC_API Task {
 public:
  Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  virtual ~Task();
  virtual void encode(Encoder& encoder) const = 0;
  bool is_cancelled() const noexcept { return cancelled_at != 0; }

  std::shared_ptr<Job> job;       // of which it is one
  std::uint64_t index = 0;        // in the job
  std::uint64_t serial = 0;       // among all that were sent to its worker
  std::size_t deaths = 0;         // of workers while they ran it
  std::int64_t cancelled_at = 0;  // ns; 0: it was not
  bool is_told_to_skip = false;   // its worker is, or will be
  bool is_skip_sent = false;      // it is
  std::optional<Message> result;
  std::exception_ptr error;
  std::size_t held_bytes = 0;  // what its result or its error is counted for while nobody has read it
  Task* next = nullptr;        // in the list that it is in
};
using TaskPtr = std::unique_ptr<Task>;

/// The result that came, whose head was checked. Throws the task's error, DecodeError.
class COPROC_API ResultDecoder {
 public:
  explicit ResultDecoder(const Task& task);
  Decoder& decoder() noexcept { return decoder_; }

 private:
  Decoder decoder_;
};

template <class R>
R decode_result(const Task& task) {
  if (task.error) std::rethrow_exception(task.error);
  ResultDecoder from(task);
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

  /// How many tasks may be added now.
  std::size_t wanted() const;
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
