#include "errors.hpp"

#include <pybind11/stl.h>
#include <coproc/exit_status.hpp>
#include <coproc/restart.hpp>

#include <cerrno>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coproc_python {

namespace {

py::object* module_of_errors = nullptr;  // coproc.errors; never destroyed

py::object error_class(const char* name) { return module_of_errors->attr(name); }

void set(const py::object& exception) {
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
}
void set(PyObject* type, const char* text) { PyErr_SetObject(type, in_pythons_words(text).ptr()); }
void set(const char* name, const char* text) { set(error_class(name).ptr(), text); }

bool is_of_python(const std::exception_ptr& exception) {
  if (exception == nullptr) return false;
  try {
    std::rethrow_exception(exception);
  } catch (const PythonError&) {
    return true;
  } catch (...) {
    return false;
  }
}

void set_worker_died(const coproc::WorkerDiedError& error) {
  const coproc::WorkerDiedError said(error.name(), error.pid(), in_python(error.exit_status()), error.task());
  set(error_class("WorkerDiedError")(in_pythons_words(said.what()), text_of(error.name()), error.pid(),
                                     py::cast(error.exit_status()), error.task()));
}

py::list list_of(const std::vector<coproc::ExitStatus>& statuses) {
  py::list all;
  for (const coproc::ExitStatus& each : statuses) all.append(py::cast(each));
  return all;
}

void set_request_attempts(const coproc::RequestAttemptsError& error) {
  std::vector<coproc::ExitStatus> statuses;
  for (const coproc::ExitStatus& each : error.statuses()) statuses.push_back(in_python(each));
  const coproc::RequestAttemptsError said(error.name(), error.pid(), std::move(statuses));
  set(error_class("RequestAttemptsError")(in_pythons_words(said.what()), text_of(error.name()), error.pid(),
                                          py::cast(error.exit_status()), error.task(), list_of(error.statuses())));
}

/// The text was made of the descriptions of the ends.
void set_restart_limit(const coproc::RestartLimitError& error) {
  std::string text = error.what();
  std::size_t from = 0;
  for (const coproc::ExitStatus& each : error.statuses()) {
    const std::string said = each.describe(), in_words = in_python(each).describe();
    const std::size_t at = text.find(said, from);
    if (at == std::string::npos) continue;
    text.replace(at, said.size(), in_words);
    from = at + in_words.size();
  }
  set(error_class("RestartLimitError")(in_pythons_words(std::move(text)), list_of(error.statuses())));
}

void set_task_timeout(const coproc::TaskTimeoutError& error) {
  set(error_class("TaskTimeoutError")(in_pythons_words(error.what()), error.task(), error.stack()));
}

void set_start_error(const coproc::StartError& error) {
  set(error_class("StartError")(in_pythons_words(error.what()), error.stage(), error.error_number()));
}

void set_remote(const coproc::RemoteError& error) {
  set(error_class("RemoteError")(text_of(error.type_name()), text_of(error.text())));
}

void set_pool_broken(const coproc::PoolBrokenError& error, bool unpickles) {
  const py::object broken = error_class("PoolBrokenError")(in_pythons_words(error.what()));
  if (error.cause() != nullptr) {
    PyException_SetCause(broken.ptr(), exception_object(error.cause(), unpickles).release().ptr());
  }
  set(broken);
}

/// Errors are listed before their base classes.
void translate_as(std::exception_ptr pointer, bool unpickles) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const PythonError& error) {
    try {
      raise_remote(error, unpickles);
    } catch (py::error_already_set& raised) {
      raised.restore();
    }
  } catch (const coproc::EndOfMessages& error) {
    set("EndOfMessages", error.what());
  } catch (const coproc::EndOfWorkersMessages& error) {
    set("EndOfMessages", error.what());
  } catch (const coproc::ResourceRequestedClose& error) {
    set("ResourceRequestedClose", error.what());
  } catch (const coproc::WorkerRequestedClose& error) {
    set("ResourceRequestedClose", error.what());
  } catch (const coproc::RequestAttemptsError& error) {
    set_request_attempts(error);
  } catch (const coproc::WorkerDiedError& error) {
    set_worker_died(error);
  } catch (const coproc::StartError& error) {
    set_start_error(error);
  } catch (const coproc::RemoteError& error) {
    set_remote(error);
  } catch (const coproc::TaskTimeoutError& error) {
    set_task_timeout(error);
  } catch (const coproc::TaskCancelledError& error) {
    set("TaskCancelledError", error.what());
  } catch (const coproc::StreamCancelledError& error) {
    set("StreamCancelledError", error.what());
  } catch (const coproc::PoolBrokenError& error) {
    set_pool_broken(error, unpickles);
  } catch (const coproc::TimeoutError& error) {
    set(PyExc_TimeoutError, error.what());
  } catch (const coproc::InterruptedError& error) {
    set(PyExc_InterruptedError, error.what());
  } catch (const coproc::InvalidArgumentError& error) {
    set(PyExc_ValueError, error.what());
  } catch (const coproc::MessageTooLargeError& error) {
    set("MessageTooLargeError", error.what());
  } catch (const coproc::LoanError& error) {
    set("LoanError", error.what());
  } catch (const coproc::SystemLimitError& error) {
    if (error.error_number() == ENOMEM) {
      set(PyExc_MemoryError, error.what());
    } else {
      set(py::reinterpret_borrow<py::object>(PyExc_OSError)(error.error_number(), in_pythons_words(error.what())));
    }
  } catch (const coproc::QueueFullError& error) {
    set("QueueFullError", error.what());
  } catch (const coproc::MessageNotRecognizedError& error) {
    set("MessageNotRecognizedError", error.what());
  } catch (const coproc::NoRequestError& error) {
    set("NoRequestError", error.what());
  } catch (const coproc::DecodeError& error) {
    set("DecodeError", error.what());
  } catch (const coproc::ProtocolError& error) {
    set("ProtocolError", error.what());
  } catch (const coproc::NotOwnerError& error) {
    set("NotOwnerError", error.what());
  } catch (const coproc::ConcurrentUseError& error) {
    set("ConcurrentUseError", error.what());
  } catch (const coproc::SandboxError& error) {
    set("SandboxError", error.what());
  } catch (const coproc::WorkerIsAlreadyAliveError& error) {
    set("WorkerIsAlreadyAliveError", error.what());
  } catch (const coproc::NoLinkError& error) {
    set("WorkerIsAlreadyDeadError", error.what());
  } catch (const coproc::RestartLimitError& error) {
    set_restart_limit(error);
  } catch (const coproc::WorkerIsDeadError& error) {
    set("WorkerIsDeadError", error.what());
  } catch (const coproc::PeerClosedError& error) {
    set("PeerClosedError", error.what());
  } catch (const coproc::HostDiedError& error) {
    set("HostDiedError", error.what());
  } catch (const coproc::LinkClosedError& error) {
    set("LinkClosedError", error.what());
  } catch (const coproc::Error& error) {
    set("Error", error.what());
  }
}

/// What nobody has translated by raise_errors_of() is of a process that is not trusted, as far as is known here.
void translate(std::exception_ptr pointer) { translate_as(std::move(pointer), false); }

}  // namespace

py::str text_of(std::string_view bytes) {
  PyObject* const text = PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "backslashreplace");
  if (text == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(text);
}

py::str in_pythons_words(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"LinkOptions::", "LinkOptions."},
      {"RestartOptions::", "RestartOptions."},
      {"MachineOptions::", "Machine."},
      {"WorkerOptions::sandbox and limits", "sandbox and limits"},
      {"Worker::confinement()", "confinement()"},
      {"Sandbox::", "Sandbox."},
      {"Limits::", "Limits."},
      {"StartMethod::fork", "method='fork'"},
      {"StartMethod::spawn", "method='spawn'"},
      {"is longer than 0, or kForever", "is longer than 0, or None"},
      {"send a std::vector instead", "send an ordinary array instead"},
      {"WorkerOptions::start_timeout", "start_timeout"},
      {"WorkerOptions::control_group", "control_group"},
      {"by coproc::this_worker::run()", "by coproc.run_worker()"},
      {"a WorkerResource of an Executable does: see coproc::this_worker::is_worker()", "a ProgramResource does"},
  };
  for (const auto& [in_cpp, in_python] : kWords) {
    for (std::size_t at = 0; (at = text.find(in_cpp, at)) != std::string::npos; at += in_python.size())
      text.replace(at, in_cpp.size(), in_python);
  }
  return text_of(text);
}

coproc::ExitStatus in_python(coproc::ExitStatus status) {
  if (!is_of_python(status.exception)) return status;
  constexpr std::string_view kBehindType = ": ";
  const auto at = status.exception_text.find(kBehindType);
  if (at != std::string::npos) status.exception_text.erase(0, at + kBehindType.size());
  return status;
}

PythonError python_error_of(const py::tuple& parts, bool has_escaped) {
  return {parts[0].cast<std::string>(), parts[1].cast<std::string>(), parts[2].cast<std::string>(),
          parts[3].cast<std::string>(), has_escaped};
}

void raise_errors_of(bool unpickles) {
  translate_as(std::current_exception(), unpickles);
  throw py::error_already_set();
}

py::object exception_object(const std::exception_ptr& error, bool unpickles) {
  try {
    translate_as(error, unpickles);
  } catch (py::error_already_set& raised) {
    raised.restore();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& other) {
    set(PyExc_RuntimeError, other.what());
  } catch (...) {
    set(PyExc_RuntimeError, "an exception that is no std::exception");
  }
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != nullptr) PyException_SetTraceback(value, trace);
  Py_XDECREF(type);
  Py_XDECREF(trace);
  return py::reinterpret_steal<py::object>(value);
}

PythonError to_python_error(py::handle exception) {
  if (PyExceptionInstance_Check(exception.ptr()) == 0) {
    throw py::type_error(py::repr(exception).cast<std::string>() +
                         " is no exception, which is what an error is told by");
  }
  return python_error_of(error_class("parts_of")(exception, false));
}

PythonError escaped_error(const py::error_already_set& error) {
  if (error.trace()) PyException_SetTraceback(error.value().ptr(), error.trace().ptr());
  return python_error_of(error_class("parts_of")(error.value(), true), true);
}

void call_target(const std::function<void()>& target, std::optional<py::error_already_set>& exit) {
  try {
    target();
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_SystemExit)) {
      exit.emplace(error);
      return;
    }
    if (error.matches(error_class("ResourceRequestedClose")) || error.matches(error_class("HostDiedError"))) return;
    throw escaped_error(error);
  }
}

py::object remote_exception(const PythonError& error, bool unpickles) {
  py::object origin = py::none();
  if (const auto* const known = dynamic_cast<const coproc::RemoteOrigin*>(&error)) {
    origin = py::make_tuple(text_of(known->peer()), known->peer_pid(), known->task());
  }
  return error_class("exception_of")(text_of(error.type_name()), text_of(error.text()), text_of(error.traceback()),
                                     py::bytes(unpickles ? error.pickle() : std::string()), origin);
}

void raise_exception(const py::object& exception) {
  set(exception);
  throw py::error_already_set();
}

void raise_remote(const PythonError& error, bool unpickles) { raise_exception(remote_exception(error, unpickles)); }

void bind_errors(py::module_&) {
  module_of_errors = new py::object(py::module_::import("coproc.errors"));
  py::register_exception_translator(&translate);
  coproc::accept_errors<PythonError>();
}

}  // namespace coproc_python

using coproc_python::PythonError;

void coproc::Codec<PythonError>::encode(Encoder& encoder, const PythonError& error) {
  coproc::encode(encoder, error.type_name());
  coproc::encode(encoder, error.text());
  coproc::encode(encoder, error.traceback());
  coproc::encode(encoder, error.pickle());
  encoder.scalar(static_cast<std::uint8_t>(error.has_escaped()));
}

PythonError coproc::Codec<PythonError>::decode(Decoder& decoder) {
  auto type_name = coproc::decode<std::string>(decoder);
  auto text = coproc::decode<std::string>(decoder);
  auto traceback = coproc::decode<std::string>(decoder);
  auto pickle = coproc::decode<std::string>(decoder);
  const bool has_escaped = decoder.scalar<std::uint8_t>() != 0;
  return {std::move(type_name), std::move(text), std::move(traceback), std::move(pickle), has_escaped};
}
