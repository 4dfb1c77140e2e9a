// Workers: those whose processes multiprocessing starts and reaps, and those that are another program.
#include "worker.hpp"

#include <pybind11/stl.h>
#include <unistd.h>
#include <coproc/adopted_worker.hpp>
#include <coproc/errors.hpp>
#include <coproc/worker_resource.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <variant>

#include "arguments.hpp"
#include "messenger.hpp"
#include "outgoing_data.hpp"

namespace coproc_python {

namespace {

using namespace pybind11::literals;
using coproc::ExitStatus;
using coproc::MultiMessenger;
using coproc::PriorityMessenger;

/// Thread safety: as coproc::Worker; `ask` and the destructor take the interpreter's lock when they need it.
class Worker {
 public:
  virtual ~Worker() = default;
  virtual coproc::Worker& life() noexcept = 0;
  virtual coproc::Messenger& messenger() = 0;
};
using WorkerPointer = std::shared_ptr<Worker>;

/// Its end waits for the process: not with the interpreter's lock.
void end(Worker* worker) {
  if (PyGILState_Check() == 0) {
    delete worker;
    return;
  }
  const Unlocked unlocked;
  delete worker;
}

class Adopted : public Worker {
 public:
  virtual coproc::LinkEnd new_link() = 0;
  virtual void adopt(int pid, std::function<std::optional<ExitStatus>()> ask) = 0;
};

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

 private:
  coproc::WorkerResource<coproc::Executable, M> worker_;
};

template <template <class> class Of, class Base, class... A>
std::shared_ptr<Base> make(bool reorders, A&&... arguments) {
  Base* const made = reorders ? static_cast<Base*>(new Of<PriorityMessenger>(std::forward<A>(arguments)...))
                              : static_cast<Base*>(new Of<MultiMessenger>(std::forward<A>(arguments)...));
  return std::shared_ptr<Base>(made, [](Base* worker) { end(worker); });
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

}  // namespace

void bind_worker(py::module_& module) {
  const auto unlocked = py::call_guard<Unlocked>();
  py::class_<Worker, WorkerPointer>(module, "Worker")
      .def("fill", [](const WorkerPointer& self, Messenger& messenger) { messenger.use(self->messenger(), self); })
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
      .def_property_readonly("pid", [](Worker& self) { return self.life().pid(); })
      .def_property_readonly("exit_status",
                             py::cpp_function([](Worker& self) { return self.life().exit_status(); }, unlocked));
  py::class_<Adopted, Worker, std::shared_ptr<Adopted>>(module, "AdoptedWorker")
      .def(py::init(
          [](bool reorders, std::string name, const coproc::StopOptions& stop, const coproc::LinkOptions& link) {
            return make<AdoptedOf, Adopted>(reorders,
                                            coproc::AdoptOptions{.name = std::move(name), .stop = stop, .link = link});
          }))
      .def("new_link", &new_link)
      .def("adopt", [](Adopted& self, int pid, py::function ask) {
        auto asked = without_lock(std::move(ask));
        const Unlocked released;
        self.adopt(pid, std::move(asked));
      });
  py::class_<Program, Worker, std::shared_ptr<Program>>(module, "ProgramWorker")
      .def(py::init([](bool reorders, std::string path, std::vector<std::string> arguments, std::string name,
                       const coproc::StopOptions& stop, const coproc::LinkOptions& link) {
        return make<ProgramOf, Program>(reorders, coproc::Executable{std::move(path), std::move(arguments)},
                                        coproc::WorkerOptions{.name = std::move(name), .stop = stop, .link = link});
      }))
      .def("start", &start_program);
  module.def("stop_all", [](const std::vector<WorkerPointer>& workers, const coproc::StopOptions& options) {
    const Unlocked released;
    return coproc::Worker::stop_all(lives_of(workers), options);
  });
}

}  // namespace coproc_python
