// Binds workers: those whose processes are started and reaped by multiprocessing, and those that are another program.
#include "worker.hpp"

#include <pybind11/stl.h>
#include <unistd.h>
#include <coproc/adopted_worker.hpp>
#include <coproc/errors.hpp>
#include <coproc/worker_resource.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "arguments.hpp"
#include "errors.hpp"
#include "messenger.hpp"
#include "outgoing_data.hpp"
#include "restarts.hpp"

namespace coproc_python {

namespace {

using namespace pybind11::literals;
using coproc::ExitStatus;
using coproc::MultiMessenger;
using coproc::PriorityMessenger;

using Environment = std::map<std::string, std::optional<std::string>>;
using WorkerPointer = std::shared_ptr<Worker>;

/// Prints the exception that has ended the worker, unless it was raised before. Needs the interpreter's lock.
void print_unreported(Worker& worker, const std::optional<ExitStatus>& status) {
  if (worker.end_report->is_reported || !status || !status->exception) return;
  try {
    std::rethrow_exception(status->exception);
  } catch (const PythonError& error) {
    worker.end_report->is_reported = true;
    py::module_::import("coproc.errors")
        .attr("print_unreported")(text_of(worker.name), worker.life().pid(), text_of(error.type_name()),
                                  text_of(error.text()), text_of(error.traceback()));
  } catch (...) {
    // The exception of a program in another language: the exit status describes it.
  }
}

/// Stops and deletes the worker, which may take as long as its StopOptions say. Needs no interpreter's lock.
void end_now(Worker* worker) noexcept {
  try {
    worker->supervision.reset();
    worker->life().stop();
    const auto status = worker->life().exit_status();
    if (status && status->exception && !worker->end_report->is_reported && Py_IsInitialized() != 0) {
      const Locked locked;
      try {
        print_unreported(*worker, status);
      } catch (py::error_already_set& error) {
        error.discard_as_unraisable("coproc");
      }
    }
  } catch (...) {
    // The worker was never started, or belongs to another process; or it could not be ended, and its destructor tries
    // again.
  }
  delete worker;
}

/// The thread in which the garbage collector runs, set through gc.callbacks; 0: none.
unsigned long collecting = 0;
std::atomic<int> ending{0};  // workers that are being ended in threads of their own

template <class M>
class AdoptedOf final : public Adopted {
 public:
  explicit AdoptedOf(coproc::AdoptOptions options) : worker_(std::move(options)) {}
  coproc::Worker& life() noexcept override { return worker_; }
  coproc::Messenger& messenger() override { return worker_.messenger(); }
  coproc::LinkEnd new_link() override { return worker_.new_link(); }
  void adopt(int pid, std::function<std::optional<ExitStatus>()> ask) override { worker_.adopt(pid, std::move(ask)); }

 private:
  coproc::AdoptedWorker<M> worker_;
};

class Program : public Worker {
 public:
  virtual void start(const Packed* arguments) = 0;
  /// Starts a program that calls run_sent() (this_program.cpp).
  virtual void start_sent(std::string sent) = 0;
};

template <class M>
class ProgramOf final : public Program {
 public:
  ProgramOf(coproc::Executable program, coproc::WorkerOptions options)
      : worker_(std::move(program), std::move(options)) {}
  coproc::Worker& life() noexcept override { return worker_; }
  coproc::Messenger& messenger() override { return worker_.messenger(); }
  void start(const Packed* arguments) override {
    if (arguments == nullptr) return worker_.start();
    Packed copy;
    copy.out = arguments->out;
    worker_.start(std::move(copy));
  }
  void start_sent(std::string sent) override { worker_.start(std::move(sent)); }

 private:
  coproc::WorkerResource<coproc::Executable, M> worker_;
};

template <template <class> class Of, class Base, class... A>
std::shared_ptr<Base> make(bool reorders, const std::string& name, A&&... arguments) {
  Base* const made = reorders ? static_cast<Base*>(new Of<PriorityMessenger>(std::forward<A>(arguments)...))
                              : static_cast<Base*>(new Of<MultiMessenger>(std::forward<A>(arguments)...));
  made->name = name;
  return std::shared_ptr<Base>(made, [](Base* worker) {
    // The garbage collector may run at any line, so it must not wait for a process.
    const bool is_in_collector = PyGILState_Check() != 0 && collecting == PyThread_get_thread_ident();
    end_without_lock([worker] { end_now(worker); }, is_in_collector && worker->life().is_alive());
  });
}

/// A Python function that may be called, and dropped, by threads without the interpreter's lock.
std::function<std::optional<ExitStatus>()> without_lock(py::function ask) {
  const auto drop = [](py::function* function) {
    const Locked locked;
    delete function;
  };
  const std::shared_ptr<py::function> kept(new py::function(std::move(ask)), drop);
  return [kept]() -> std::optional<ExitStatus> {
    const Locked locked;
    const py::object code = (*kept)();
    if (code.is_none()) return std::nullopt;
    const int value = code.cast<int>();
    ExitStatus status;
    if (value >= 0) {
      status.end = coproc::Exited{value};
    } else {
      status.end = coproc::Signalled{-value};
    }
    return status;
  };
}

std::shared_ptr<HeldEnd> new_link(Adopted& worker) {
  auto held = std::make_shared<HeldEnd>();
  held->end = worker.new_link();
  held->pid = ::getpid();
  return held;
}

void start_program(Program& worker, py::object arguments) {
  if (arguments.is_none()) {
    const Unlocked unlocked;
    return worker.start(nullptr);
  }
  const OutgoingData data(arguments, false);
  data.visit([&](const auto& value) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Packed>) {
      const Unlocked unlocked;
      worker.start(&value);
    }
  });
}

std::vector<coproc::Worker*> lives_of(const std::vector<WorkerPointer>& workers) {
  std::vector<coproc::Worker*> lives;
  for (const WorkerPointer& worker : workers) lives.push_back(&worker->life());
  return lives;
}

std::size_t event_count(const py::object& events) {
  return whole_number_of<std::size_t>(events, "events", "a whole number from 0 on");
}

}  // namespace

void end_without_lock(std::function<void()> end, bool in_thread) {
  if (PyGILState_Check() == 0) return end();
  if (in_thread) {
    ++ending;
    const auto in_thread = [](void* given) {
      const std::unique_ptr<std::function<void()>> call(static_cast<std::function<void()>*>(given));
      (*call)();
      --ending;
    };
    auto call = std::make_unique<std::function<void()>>(end);
    if (PyThread_start_new_thread(in_thread, call.get()) != PYTHREAD_INVALID_THREAD_ID) {
      static_cast<void>(call.release());
      return;
    }
    --ending;
  }
  const Unlocked unlocked;
  end();
}

void bind_worker(py::module_& module) {
  const auto unlocked = py::call_guard<Unlocked>();
  py::class_<Worker, WorkerPointer> bound(module, "Worker");
  bind_restarts(module, bound);
  bound
      .def("fill",
           [](const WorkerPointer& self, Messenger& messenger) {
             messenger.use(self->messenger(), self, self->end_report);
             if (self->supervision == nullptr) return;
             messenger.set_supervision(
                 {.awaits_restart = [worker = self.get()] { return awaits_restart(*worker); },
                  .makes_place = [worker = self.get()] { return worker->supervision->makes_place(); },
                  .look = [worker = self.get()] { return worker->supervision->look(); },
                  .watches_health = self->watches_health});
           })
      .def("print_unreported",
           [](Worker& self) {
             std::optional<ExitStatus> status;
             {
               const Unlocked released;
               status = self.life().exit_status();
             }
             print_unreported(self, status);
           })
      .def("begin_run", [](Worker& self) { *self.end_report = EndReport(); })
      .def(
          "stop", [](Worker& self, const coproc::StopOptions& options) { return self.life().stop(options); }, unlocked)
      .def("join",
           [](Worker& self, py::object timeout) {
             const coproc::Timeout time = timeout_of(timeout);
             const Unlocked released;
             return self.life().join_for(time);
           })
      .def(
          "terminate", [](Worker& self) { self.life().terminate(); }, unlocked)
      .def(
          "kill", [](Worker& self) { self.life().kill(); }, unlocked)
      .def(
          "is_alive", [](Worker& self) { return self.life().is_alive(); }, unlocked)
      .def(
          "confinement", [](Worker& self) { return self.life().confinement(); }, unlocked)
      .def("stack",
           [](Worker& self, py::object timeout) {
             const coproc::Timeout time = timeout_of(timeout);
             const Unlocked released;
             return self.life().stack(time);
           })
      // These may wait for a lock whose holder waits for the interpreter's lock, so they release that.
      .def_property_readonly("pid", py::cpp_function([](Worker& self) { return self.life().pid(); }, unlocked))
      .def_property_readonly("exit_status",
                             py::cpp_function([](Worker& self) { return self.life().exit_status(); }, unlocked));
  py::class_<Adopted, Worker, std::shared_ptr<Adopted>>(module, "AdoptedWorker")
      .def(py::init([](bool reorders, std::string name, const coproc::StopOptions& stop,
                       const coproc::LinkOptions& link, bool capture_stderr, std::optional<coproc::Sandbox> sandbox,
                       std::optional<coproc::Limits> limits, std::string control_group, const py::object& events) {
        return make<AdoptedOf, Adopted>(reorders, name,
                                        coproc::AdoptOptions{.name = name,
                                                             .stop = stop,
                                                             .link = link,
                                                             .capture_stderr = capture_stderr,
                                                             .sandbox = std::move(sandbox),
                                                             .limits = limits.value_or(coproc::Limits()),
                                                             .control_group = std::move(control_group),
                                                             .events = event_count(events)});
      }))
      .def("new_link", &new_link)
      .def("adopt", [](Adopted& self, int pid, py::function ask) {
        auto asked = without_lock(std::move(ask));
        const Unlocked released;
        self.adopt(pid, std::move(asked));
      });
  py::class_<Program, Worker, std::shared_ptr<Program>>(module, "ProgramWorker")
      .def(py::init([](bool reorders, std::string path, std::vector<std::string> arguments, std::string name,
                       const coproc::StopOptions& stop, const coproc::LinkOptions& link, Environment env,
                       bool capture_stderr, std::optional<coproc::Sandbox> sandbox,
                       std::optional<coproc::Limits> limits, std::string control_group,
                       std::optional<coproc::Machine> machine, py::object start_timeout, const py::object& events) {
        return make<ProgramOf, Program>(
            reorders, name, coproc::Executable{std::move(path), std::move(arguments)},
            coproc::WorkerOptions{.name = name,
                                  .stop = stop,
                                  .link = link,
                                  .start_timeout = timeout_of(start_timeout, "start_timeout"),
                                  .env = std::move(env),
                                  .capture_stderr = capture_stderr,
                                  .machine = std::move(machine),
                                  .sandbox = std::move(sandbox),
                                  .limits = limits.value_or(coproc::Limits()),
                                  .control_group = std::move(control_group),
                                  .events = event_count(events)});
      }))
      .def("start", &start_program)
      .def("start_sent", [](Program& self, std::string sent) {
        const Unlocked released;
        self.start_sent(std::move(sent));
      });
  module.def("note_collector", [](bool runs) { collecting = runs ? PyThread_get_thread_ident() : 0; });
  module.def("wait_for_ending", [] {
    const Unlocked released;
    while (ending != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  module.def("stop_all", [](const std::vector<WorkerPointer>& workers, const coproc::StopOptions& options) {
    const Unlocked released;
    for (const WorkerPointer& worker : workers) worker->make_final();
    return coproc::Worker::stop_all(lives_of(workers), options);
  });
}

}  // namespace coproc_python
