// Pools for Python functions: the library's pool, whose workers are started by multiprocessing.
//
// What Python supplies is here: what starts a worker (pool.cpp), what packs calls (pool_calls.cpp), what reads results
// (pool_job.cpp) and what runs a call (pool_serve.cpp). Everything else is the library's.
//
// Locks: the pool's lock is taken first, and the interpreter's second. A thread that has the interpreter's lock
// releases it before it calls the pool. The pool may take the interpreter's lock while it holds its own: to read how a
// process has ended, and to destroy Python objects.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>
#include <coproc/detail/task.hpp>

#include <memory>

namespace coproc_python {

/// A pool. Everything that reads its results keeps it alive.
class PoolKernel {
 public:
  /// `options.tasks` has the defaults of all tasks. If `unpickles` is false, results and errors of workers are taken as
  /// MessagePack only.
  PoolKernel(const coproc::PoolOptions& options, const pybind11::function& make_worker, bool unpickles);
  PoolKernel(const PoolKernel&) = delete;
  PoolKernel& operator=(const PoolKernel&) = delete;

  coproc::detail::PoolHandle& handle() noexcept { return *handle_; }
  bool unpickles() const noexcept { return unpickles_; }
  const coproc::TaskOptions& task_defaults() const noexcept { return task_defaults_; }
  /// Whether this process has workers whose end the destructor waits for.
  bool is_at_work() const noexcept { return pid_ == ::getpid() && !handle_->pids().empty(); }

 private:
  const int pid_ = ::getpid();
  const bool unpickles_;
  const coproc::TaskOptions task_defaults_;
  std::unique_ptr<coproc::detail::PoolHandle> handle_;
};

void bind_pool(pybind11::module_& module);

}  // namespace coproc_python
