#include "pool_job.hpp"

#include <pybind11/stl.h>
#include <coproc/errors.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "errors.hpp"
#include "lock.hpp"
#include "pickling.hpp"
#include "pool.hpp"
#include "value.hpp"

namespace coproc_python {

namespace {

using coproc::detail::JobHandle;
using coproc::detail::Task;
using coproc::detail::TaskPtr;

/// How many calls are read of an input at a time. The workers begin with these while more are read.
constexpr std::size_t kPulledAtOnce = 64;  // or a stretch, if that is more

bool ends_the_caller(const py::error_already_set& error) {
  return error.matches(PyExc_KeyboardInterrupt) || error.matches(PyExc_SystemExit);
}

}  // namespace

PoolJob::PoolJob(std::shared_ptr<PoolKernel> pool, JobHandle job, Input input)
    : pool_(std::move(pool)), job_(std::move(job)), input_(std::move(input)) {
  feed();
}

PoolJob::PoolJob(std::shared_ptr<PoolKernel> pool, JobHandle job, TaskPtr call)
    : pool_(std::move(pool)), job_(std::move(job)), is_input_at_end_(true) {
  std::vector<TaskPtr> calls;
  calls.push_back(std::move(call));
  const Unlocked unlocked;
  job_.add(std::move(calls));
  job_.end_input();
}

PoolJob::~PoolJob() {
  const Unlocked unlocked;
  ready_.clear();
  job_ = JobHandle();
}

void PoolJob::check_is_open() const {
  if (is_closed_) throw coproc::TaskCancelledError("the results of this map were closed");
}

/// Reads as much of the input as the workers can be given.
void PoolJob::feed() {
  // The input may be a generator that reads the results of this very map.
  if (is_feeding_) return;
  is_feeding_ = true;
  const std::unique_ptr<bool, void (*)(bool*)> feeding(&is_feeding_, [](bool* is_feeding) { *is_feeding = false; });
  while (!is_input_at_end_ && !is_closed_) {
    JobHandle::Wanted wanted{};
    {
      const Unlocked unlocked;
      wanted = job_.wanted();
    }
    if (wanted.calls == 0) return;
    CallWriter writer(MainNames(input_.main_names()), wanted.stretch, input_.copies);
    std::size_t left = std::min(wanted.calls, std::max(wanted.stretch, kPulledAtOnce));
    std::exception_ptr error;
    try {
      for (; left != 0; --left) {
        const auto item = py::reinterpret_steal<py::object>(PyIter_Next(input_.iterator.ptr()));
        if (!item) {
          if (PyErr_Occurred() != nullptr) throw py::error_already_set();
          break;
        }
        writer.add(item);
      }
    } catch (py::error_already_set&) {
      error = std::current_exception();
    }
    is_input_at_end_ = left != 0;
    std::vector<TaskPtr> tasks = writer.take();
    {
      const Unlocked unlocked;
      if (!tasks.empty()) job_.add(std::move(tasks));
      if (is_input_at_end_) job_.end_input(error);
    }
    if (!error) continue;
    try {
      std::rethrow_exception(error);
    } catch (py::error_already_set& raised) {
      if (ends_the_caller(raised)) throw;
    }
  }
}

/// Returns the result of the next call, which must be there.
py::object PoolJob::take_one() {
  const Task& task = *ready_.front();
  if (task.error) std::rethrow_exception(task.error);
  coproc::detail::ResultDecoder from(task, at_);
  Value value = coproc::decode<Value>(from.decoder());
  from.decoder().finish();
  return pool_->unpickles() ? unpickle(std::move(value)) : unpack_only(std::move(value));
}

void PoolJob::pass_one() {
  const Task& task = *ready_.front();
  ++taken_;
  if (++call_ != task.calls) {
    if (!task.error) at_ = coproc::detail::ResultDecoder::end_of(task, at_);
    return;
  }
  call_ = at_ = 0;
  ready_.pop_front();
}

/// Returns all results up to the next error, or that error; null if nothing is ready. Numbered results are all
/// returned, with their errors.
py::object PoolJob::take_ready() {
  py::list results = unread_ ? std::exchange(unread_, {}) : py::list();
  while (!ready_.empty()) {
    const std::uint64_t index = ready_.front()->index + call_;
    std::exception_ptr error;
    try {
      py::object result = take_one();
      results.append(is_numbered_ ? py::make_tuple(index, std::move(result), py::none()) : std::move(result));
    } catch (py::error_already_set& raised) {
      // Ctrl-C in this process: the result will be unpickled again later, and those that were unpickled before it are
      // kept.
      if (!ready_.front()->error && raised.matches(PyExc_KeyboardInterrupt)) {
        unread_ = std::move(results);
        throw;
      }
      error = std::current_exception();
    } catch (...) {
      error = std::current_exception();
    }
    if (error && !is_numbered_ && !results.empty()) break;
    index_ = index;
    pass_one();
    if (!error) continue;
    py::object raised = exception_object(error, pool_->unpickles());
    if (!is_numbered_) return raised;
    results.append(py::make_tuple(index, py::none(), std::move(raised)));
  }
  if (results.empty()) return {};
  return results;
}

py::object PoolJob::read(const py::object& timeout) {
  using News = JobHandle::News;
  const coproc::Timeout time = timeout_of(timeout);
  for (;;) {
    check_is_open();
    if (py::object found = take_ready()) return found;
    feed();
    News news{};
    std::deque<TaskPtr> come;
    {
      const Unlocked unlocked;
      news = job_.wait(come, time);
    }
    for (TaskPtr& task : come) ready_.push_back(std::move(task));
    if (!ready_.empty()) continue;
    if (news == News::finished) return py::none();
    if (news == News::timed_out) return py::bool_(false);
  }
}

void PoolJob::number() {
  if (taken_ != 0 || unread_) {
    throw coproc::InvalidArgumentError(
        "as_results: results of this map were read already, so call it before the first of them");
  }
  is_numbered_ = true;
}

bool PoolJob::unpickles() const noexcept { return pool_->unpickles(); }

bool PoolJob::is_done() {
  if (!ready_.empty()) return true;
  const Unlocked unlocked;
  return job_.is_done();
}

bool PoolJob::cancel(bool even_if_running) {
  const Unlocked unlocked;
  return job_.cancel(even_if_running);
}

void PoolJob::then(py::function function) {
  const std::shared_ptr<py::function> kept(new py::function(std::move(function)), [](py::function* dropped) {
    if (Py_IsInitialized() == 0) return;
    const Locked locked;
    delete dropped;
  });
  const Unlocked unlocked;
  job_.then([kept] {
    const Locked locked;
    try {
      (*kept)();
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("a callback of a coproc.Task");
    }
  });
}

void PoolJob::close() {
  if (std::exchange(is_closed_, true)) return;
  const Unlocked unlocked;
  ready_.clear();
  job_ = JobHandle();
}

bool PoolJob::wait_any(const std::vector<PoolJob*>& jobs, const py::object& timeout) {
  std::vector<JobHandle*> handles;
  for (PoolJob* job : jobs) handles.push_back(&job->job_);
  const coproc::Timeout time = timeout_of(timeout);
  const Unlocked unlocked;
  return JobHandle::wait_any(handles, time);
}

void bind_pool_job(py::module_& module) {
  py::class_<PoolJob, std::shared_ptr<PoolJob>>(module, "PoolJob")
      .def(
          "read",
          [](PoolJob& self, const py::object& timeout) {
            return with_errors_of(self.unpickles(), [&] { return self.read(timeout); });
          },
          py::arg("timeout") = py::none())
      .def("number", &PoolJob::number)
      .def_property_readonly("index", &PoolJob::index)
      .def_property_readonly("taken", &PoolJob::taken)
      .def("is_done", &PoolJob::is_done)
      .def("cancel", &PoolJob::cancel, py::arg("even_if_running") = true)
      .def("then", &PoolJob::then, py::arg("function"))
      .def("close", &PoolJob::close)
      .def_static(
          "wait_any",
          [](const std::vector<PoolJob*>& jobs, const py::object& timeout) {
            const bool unpickles = jobs.empty() || jobs.front()->unpickles();
            return with_errors_of(unpickles, [&] { return PoolJob::wait_any(jobs, timeout); });
          },
          py::arg("jobs"), py::arg("timeout"));
}

}  // namespace coproc_python
