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

/// Thread safety: the interpreter's lock. It is released while the pool is called, since the pool may take it while it
/// holds its own lock, and never the other way round. One thread at a time may read.
class PoolJob {
 public:
  /// A map. `read` also reads its input from the iterator, up to its end. Each time, `main_names` is asked for the
  /// names that the workers have of the main module.
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

  /// Waits for results, and reads input meanwhile. Returns a list of results, an exception in place of a result, None
  /// if there are no more, or False if none has arrived in this time. Throws the error of the input, the error that
  /// ended the job, and Ctrl-C, which loses nothing.
  py::object read(const py::object& timeout);
  /// From now on the lists of `read` hold a tuple for each call: its index in the map, its result, and the exception in
  /// the place of that, or None. Throws InvalidArgumentError if results were read before.
  void number();
  /// The index in the map of the exception that `read` returned last, or the number of the submitted call.
  std::uint64_t index() const noexcept { return index_; }
  /// The number of results that were read.
  std::uint64_t taken() const noexcept { return taken_; }
  /// Whether the pool trusts its workers with pickles.
  bool unpickles() const noexcept;
  bool is_done();
  bool cancel(bool even_if_running);
  void then(py::function function);
  /// Cancels the rest, which nobody will read.
  void close();
  /// Drives the pool until one of these jobs, which are all of one pool, has a result; returns false if none has in
  /// this time.
  static bool wait_any(const std::vector<PoolJob*>& jobs, const py::object& timeout);

 private:
  void feed();
  py::object take_ready();
  py::object take_one();
  void pass_one();
  void check_is_open() const;

  const std::shared_ptr<PoolKernel> pool_;  // kept alive as long as somebody reads
  coproc::detail::JobHandle job_;
  Input input_;
  bool is_input_at_end_ = false;
  bool is_closed_ = false;
  bool is_feeding_ = false;
  bool is_numbered_ = false;
  std::deque<coproc::detail::TaskPtr> ready_;
  // Of the first task in ready_: the index of its next call, and the place of that call's result.
  std::size_t call_ = 0;
  std::size_t at_ = 0;
  py::object unread_;  // a list of results that were unpickled but not returned yet
  std::uint64_t index_ = 0;
  std::uint64_t taken_ = 0;
};

void bind_pool_job(py::module_& module);

}  // namespace coproc_python
