// A map or a submitted call of a Python pool, in the host.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/detail/task.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "pool_calls.hpp"

namespace coproc_python {

namespace py = pybind11;

class PoolKernel;

/// Thread safety: the interpreter's lock, which is let go while the pool is called: the pool may hold its own lock
/// while it asks for the interpreter's, and never the other way round. One thread at a time reads.
class PoolJob {
 public:
  /// Its input is read by `read`: what the iterator yields next, up to its end. `main_names` is asked for what the
  /// workers have of the main module whenever some is read.
  struct Input {
    py::object iterator;
    py::function main_names;
    bool copies;  // an item may change when the next one is asked for
  };
  PoolJob(std::shared_ptr<PoolKernel> pool, coproc::detail::JobHandle job, Input input);
  /// A submitted call.
  PoolJob(std::shared_ptr<PoolKernel> pool, coproc::detail::JobHandle job, coproc::detail::TaskPtr call);
  PoolJob(const PoolJob&) = delete;
  PoolJob& operator=(const PoolJob&) = delete;
  ~PoolJob();

  /// Waits for results, and reads input meanwhile. A list of results; an exception in the place of one; None: there are
  /// no more; False: nothing has come in this time. Throws the input's error, the error that ended the job, and Ctrl-C,
  /// which loses nothing.
  py::object read(const py::object& timeout);
  /// Of the exception that was returned last: its index in the map, or the number of the call of submit.
  std::uint64_t index() const noexcept { return index_; }
  /// How many results were read.
  std::uint64_t taken() const noexcept { return taken_; }
  bool is_done();
  bool cancel();
  void then(py::function function);
  /// Nobody reads the rest.
  void close();
  /// Drives the pool until one of these jobs, all of one pool, has a result. False: not in this time.
  static bool wait_any(const std::vector<PoolJob*>& jobs, const py::object& timeout);

 private:
  void feed();
  py::object take_ready();
  py::object take_one();
  void pass_one();
  void check_is_open() const;

  const std::shared_ptr<PoolKernel> pool_;  // which lives as long as somebody reads
  coproc::detail::JobHandle job_;
  Input input_;
  bool is_input_at_end_ = false;
  bool is_closed_ = false;
  bool is_feeding_ = false;
  std::deque<coproc::detail::TaskPtr> ready_;
  std::size_t call_ = 0;  // of the first that is ready: the next of its calls, and the place of its result
  std::size_t at_ = 0;
  py::object unread_;  // a list of results that were unpickled, and not returned
  std::uint64_t index_ = 0;
  std::uint64_t taken_ = 0;
};

void bind_pool_job(py::module_& module);

}  // namespace coproc_python
