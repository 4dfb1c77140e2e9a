#include "pool_serve.hpp"

#include <coproc/detail/pool_worker.hpp>
#include <coproc/errors.hpp>

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "errors.hpp"
#include "lock.hpp"
#include "messenger.hpp"
#include "pickling.hpp"
#include "plain.hpp"

namespace coproc_python {

namespace {

using coproc::detail::TaskRun;

/// The state of a worker. There is one in each process, whose first thread runs the tasks.
struct Server {
  py::function make_call;       // makes the callable for a function from its bytes
  MainNames main_names;         // the names that the host has
  std::exception_ptr ended_by;  // the SystemExit of a task
  bool packs = false;           // results are sent as MessagePack, and not as pickles
  std::string plain;
};
Server* server = nullptr;

/// Makes the error of a task's exception, which may be of any class, and whose own code may raise others.
PythonError error_of_task(py::error_already_set& error) {
  if (error.trace()) PyException_SetTraceback(error.value().ptr(), error.trace().ptr());
  const py::object failed = py::module_::import("coproc.pool.failures").attr("Failed")(error.value());
  return python_error_of(failed.attr("parts"));
}

/// Replies by MessagePack, which a host can decode whatever a worker has become.
void reply_packed(TaskRun& run, const py::object& result) {
  constexpr std::size_t kLeastLarge = 64 << 10;
  const py::bytes bytes = py::module_::import("coproc.interop").attr("pack")(result);
  const Piece piece{PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr())), nullptr};
  Value value;
  value.kind = Kind::packed;
  if (piece.size < kLeastLarge) {
    value.head = piece;
  } else {
    value.out_buffers.push_back(piece);
  }
  run.reply(run, coproc::detail::outgoing(value));
}

void run_with_lock(TaskRun& run) {
  Value argument = coproc::decode<Value>(run.arguments);
  run.is_decoded = true;
  if (run.is_skipped) return;
  if (!run.function.made) {
    py::object made = server->make_call(py::bytes(run.function.data));
    run.function.made = std::shared_ptr<PyObject>(made.release().ptr(), [](PyObject* object) {
      const Locked locked;
      Py_DECREF(object);
    });
  }
  const auto item = unpickle(std::move(argument));
  auto* const function = static_cast<PyObject*>(run.function.made.get());
  const auto result = py::reinterpret_steal<py::object>(PyObject_CallOneArg(function, item.ptr()));
  if (!result) throw py::error_already_set();
  if (server->packs) return reply_packed(run, result);
  // Small results are the most frequent ones, so nothing is allocated for them.
  server->plain.clear();
  if (encode_plain(result, server->plain, server->main_names)) {
    Value value;
    value.kind = Kind::plain;
    value.head = {server->plain.data(), server->plain.size()};
    return run.reply(run, coproc::detail::outgoing(value));
  }
  const Pickled pickled(result, server->main_names);
  run.reply(run, coproc::detail::outgoing(pickled.value()));
}

void run_call(TaskRun& run) {
  try {
    run_with_lock(run);
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_SystemExit)) {
      server->ended_by = std::current_exception();
      throw coproc::detail::EndOfPoolWorker();
    }
    throw error_of_task(error);
  }
}

void serve_pool(Messenger& host, py::function make_call) {
  server = new Server{std::move(make_call), host.main_names(), nullptr, !host.unpickles(), {}};
  auto& messenger = static_cast<coproc::PriorityMessenger&>(host.link());
  // Tasks run with the interpreter's lock. It is released during the waits, for other threads of the worker.
  static PyThreadState* state = nullptr;
  const coproc::detail::AroundWaits around{[] { state = PyEval_SaveThread(); },
                                           []() noexcept { ask_for_lock([] { PyEval_RestoreThread(state); }); }};
  try {
    coproc::detail::run_pool_tasks(messenger, {.run = &run_call}, around);
  } catch (const coproc::detail::EndOfPoolWorker&) {
    std::rethrow_exception(std::exchange(server->ended_by, nullptr));
  }
}

}  // namespace

void bind_pool_serve(py::module_& module) {
  module.def("serve_pool", &serve_pool, py::arg("messenger"), py::arg("make_call"));
}

}  // namespace coproc_python
