#include "pool.hpp"

#include <pybind11/stl.h>
#include <coproc/detail/pool_worker.hpp>
#include <coproc/detail/worker_count.hpp>
#include <coproc/errors.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "errors.hpp"
#include "lock.hpp"
#include "pool_job.hpp"
#include "pool_serve.hpp"
#include "restarts.hpp"
#include "worker.hpp"

namespace coproc_python {

namespace {

using namespace pybind11::literals;
using coproc::TaskOptions;
using coproc::detail::JobHandle;

/// A function that the workers know as long as this object lives.
struct HeldFunction {
  std::shared_ptr<coproc::detail::PoolFunction> function;
};

/// A worker of the pool that is a WorkerResource of Python.
class PythonWorker final : public coproc::detail::PoolWorker {
 public:
  /// Call with the interpreter's lock. `start` starts the process of `worker`, and may be called repeatedly; `reap`
  /// reaps the last process.
  PythonWorker(py::object start, py::object reap, std::shared_ptr<Worker> worker)
      : start_(std::move(start)), reap_(std::move(reap)), worker_(std::move(worker)) {}
  ~PythonWorker() override {
    if (Py_IsInitialized() == 0) {
      static_cast<void>(start_.release());
      static_cast<void>(reap_.release());
      return;
    }
    const Locked locked;
    try {
      if (!worker_->life().is_alive()) reap_();
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("coproc");
    } catch (const coproc::Error&) {
      // The process belongs to another one.
    }
    reap_ = start_ = py::object();
    worker_.reset();
  }
  void start() override {
    const Locked locked;
    start_();
    worker_->end_report->is_reported = true;  // the pool reports how the worker ends
  }
  coproc::Worker& worker() noexcept override { return worker_->life(); }
  coproc::PriorityMessenger& messenger() override {
    return static_cast<coproc::PriorityMessenger&>(worker_->messenger());
  }

 private:
  py::object start_, reap_;
  std::shared_ptr<Worker> worker_;
};

coproc::detail::MakePoolWorker maker_of(const py::function& make_worker) {
  const std::shared_ptr<py::function> kept(new py::function(make_worker), [](py::function* dropped) {
    if (Py_IsInitialized() == 0) return;
    const Locked locked;
    delete dropped;
  });
  return [kept](std::size_t number) -> std::unique_ptr<coproc::detail::PoolWorker> {
    const Locked locked;
    const py::tuple made = (*kept)(number);
    return std::make_unique<PythonWorker>(made[0], made[1], made[2].cast<std::shared_ptr<Worker>>());
  };
}

TaskOptions task_options(const PoolKernel& pool, std::size_t chunk_size, const py::object& time_limit,
                         std::size_t max_retries, bool stop_on_error) {
  TaskOptions options = pool.task_defaults();
  options.chunk_size = chunk_size;
  options.time_limit = timeout_of(time_limit);
  options.max_retries = max_retries;
  options.stop_on_error = stop_on_error;
  return options;
}

std::shared_ptr<PoolJob> map(const std::shared_ptr<PoolKernel>& self, const HeldFunction& function, py::object iterator,
                             py::function main_names, bool copies, bool is_ordered, std::size_t chunk_size,
                             const py::object& time_limit, std::size_t max_retries, bool stop_on_error) {
  TaskOptions options = task_options(*self, chunk_size, time_limit, max_retries, stop_on_error);
  JobHandle job;
  {
    const Unlocked unlocked;
    job = JobHandle(self->handle(), function.function, std::move(options), {.is_ordered = is_ordered});
  }
  return std::make_shared<PoolJob>(self, std::move(job),
                                   PoolJob::Input{std::move(iterator), std::move(main_names), copies});
}

std::shared_ptr<PoolJob> submit(const std::shared_ptr<PoolKernel>& self, const HeldFunction& function,
                                const py::object& arguments, py::object main_names, const py::object& time_limit,
                                std::size_t max_retries) {
  CallWriter writer(MainNames(std::move(main_names)), 1, false);
  writer.add(arguments);
  TaskOptions options = task_options(*self, 1, time_limit, max_retries, false);
  JobHandle job;
  {
    const Unlocked unlocked;
    job = JobHandle(self->handle(), function.function, std::move(options), {.is_submitted = true});
  }
  return std::make_shared<PoolJob>(self, std::move(job), std::move(writer.take().front()));
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

/// Returns a tuple of two: one tuple for each worker, and the slowest tasks.
py::tuple insights(PoolKernel& self) {
  coproc::PoolInsights all;
  {
    const Unlocked unlocked;
    all = self.handle().insights();
  }
  py::list workers, slowest;
  for (const coproc::WorkerInsights& one : all.workers) {
    workers.append(py::make_tuple(one.pid, one.starts, one.tasks, one.failed, seconds(one.start_time),
                                  seconds(one.work_time), seconds(one.wait_time), one.peak_memory_bytes,
                                  text_of(one.machine)));
  }
  for (const coproc::SlowTask& one : all.slowest) slowest.append(py::make_tuple(one.task, one.pid, seconds(one.time)));
  return py::make_tuple(workers, slowest, all.table());
}

}  // namespace

PoolKernel::PoolKernel(const coproc::PoolOptions& options, const py::function& make_worker, bool unpickles)
    : unpickles_(unpickles), task_defaults_(options.tasks) {
  auto maker = maker_of(make_worker);
  const Unlocked unlocked;
  handle_ = std::make_unique<coproc::detail::PoolHandle>(options, std::move(maker));
}

void bind_pool(py::module_& module) {
  py::class_<HeldFunction>(module, "PoolFunction");
  bind_pool_job(module);
  bind_pool_serve(module);
  module.def("usable_processors", &coproc::detail::usable_processors);
  module.attr("most_workers") = coproc::detail::kMostWorkers;
  module.def("check_pool_ends", [](const py::dict& ends) {
    coproc::PoolOptions options;
    take_pool_options(options, ends);
    coproc::detail::check_pool_options(options);
  });
  const auto unlocked = py::call_guard<Unlocked>();
  py::class_<PoolKernel, std::shared_ptr<PoolKernel>>(module, "PoolKernel")
      .def(py::init([](std::size_t workers, const std::string& name, const py::function& make_worker,
                       std::size_t window, const py::dict& ends, bool background, const coproc::StopOptions& stop,
                       const coproc::LinkOptions& link, bool unpickles, std::vector<coproc::Machine> machines,
                       bool retries_unfenced) {
             coproc::PoolOptions options{.workers = workers, .machines = std::move(machines), .window = window};
             take_pool_options(options, ends);
             options.background = background;
             options.worker.name = name;
             options.worker.stop = stop;
             options.worker.link = link;
             options.tasks.retries_unfenced = retries_unfenced;
             const auto end = [](PoolKernel* kernel) {
               end_without_lock([kernel] { delete kernel; }, kernel->is_at_work());
             };
             return std::shared_ptr<PoolKernel>(new PoolKernel(options, make_worker, unpickles), end);
           }),
           py::kw_only(), "workers"_a, "name"_a, "make_worker"_a, "window"_a, "ends"_a, "background"_a, "stop"_a,
           "link"_a, "unpickles"_a, "machines"_a, "retries_unfenced"_a)
      .def("new_function",
           [](PoolKernel& self, const std::string& data) {
             const Unlocked released;
             return HeldFunction{self.handle().new_function(data)};
           })
      .def("map",
           [](const std::shared_ptr<PoolKernel>& self, const HeldFunction& function, py::object iterator,
              py::function main_names, bool copies, bool is_ordered, std::size_t chunk_size,
              const py::object& time_limit, std::size_t max_retries, bool stop_on_error) {
             return with_errors_of(self->unpickles(), [&] {
               return map(self, function, std::move(iterator), std::move(main_names), copies, is_ordered, chunk_size,
                          time_limit, max_retries, stop_on_error);
             });
           })
      .def("submit",
           [](const std::shared_ptr<PoolKernel>& self, const HeldFunction& function, const py::object& arguments,
              py::object main_names, const py::object& time_limit, std::size_t max_retries) {
             return with_errors_of(self->unpickles(), [&] {
               return submit(self, function, arguments, std::move(main_names), time_limit, max_retries);
             });
           })
      .def("insights", &insights)
      .def("interrupt", [](PoolKernel& self) { self.handle().interrupt(); })
      .def(
          "stop", [](PoolKernel& self, const coproc::StopOptions& options) { self.handle().stop(options); }, unlocked)
      .def(
          "pending", [](PoolKernel& self) { return self.handle().pending(); }, unlocked)
      .def("wait", [](PoolKernel& self, const py::object& timeout) {
        const coproc::Timeout time = timeout_of(timeout);
        return with_errors_of(self.unpickles(), [&] {
          const Unlocked released;
          return self.handle().wait(time);
        });
      });
}

}  // namespace coproc_python
