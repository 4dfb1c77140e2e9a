#include <pybind11/stl.h>
#include <coproc/exit_status.hpp>

#include "errors.hpp"
#include "options.hpp"

namespace coproc_python {

namespace {

namespace py = pybind11;

const char* name_of(coproc::StopRung rung) {
  switch (rung) {
    case coproc::StopRung::close_request:
      return "close_request";
    case coproc::StopRung::terminate:
      return "terminate";
    case coproc::StopRung::kill:
      return "kill";
    case coproc::StopRung::none:
      break;
  }
  return nullptr;
}

double seconds(std::chrono::microseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void bind_exit_status(py::module_& module) {
  using coproc::ExitStatus;
  py::class_<ExitStatus>(module, "ExitStatus", "How a worker ended.")
      .def_property_readonly("code", &ExitStatus::code, "The exit code; None: it did not exit by itself.")
      .def_property_readonly("signal", &ExitStatus::signal, "The number of the signal that ended it; else None.")
      .def_property_readonly("success", &ExitStatus::success, "Exit code 0.")
      .def_property_readonly(
          "stopped_by", [](const ExitStatus& status) { return name_of(status.stopped_by); },
          "The rung of stop(), terminate() or kill() that ended it: 'close_request', 'terminate', 'kill'; else None.")
      .def_property_readonly(
          "exception_text", [](const ExitStatus& status) { return text_of_end(status.exception_text); },
          "The exception that left the target, if one did: its type and text.")
      .def_property_readonly(
          "unanswered",
          [](const ExitStatus& status) {
            std::vector<std::uint64_t> ids;
            for (const coproc::RequestId id : status.unanswered) ids.push_back(static_cast<std::uint64_t>(id));
            return ids;
          },
          "The ids of the requests whose replies had not come.")
      .def_property_readonly(
          "stack",
          [](const ExitStatus& status) {
            py::list calls;
            for (const std::string& each : status.stack) calls.append(text_of(each));
            return calls;
          },
          "Where it was when it crashed, innermost call first; empty: not known.")
      .def_property_readonly(
          "user_time", [](const ExitStatus& status) { return seconds(status.resources.user_time); },
          "Seconds of processor time; 0 where the kernel does not tell.")
      .def_property_readonly("system_time",
                             [](const ExitStatus& status) { return seconds(status.resources.system_time); })
      .def_property_readonly("peak_memory_kib",
                             [](const ExitStatus& status) { return status.resources.peak_memory_kib; })
      .def_property_readonly(
          "limit",
          [](const ExitStatus& status) {
            return status.limit.empty() ? py::object(py::none()) : py::str(status.limit);
          },
          "The resource limit that ended it by SIGKILL ('RLIMIT_CPU'), where that is known; else None.")
      .def(
          "describe", [](const ExitStatus& status) { return text_of_end(status.describe()); },
          "In words: 'exited with code 1 after ...', 'was killed by SIGSEGV', ...")
      .def(
          "report", [](const ExitStatus& status) { return text_of_end(status.report()); },
          "Everything that is known, in lines.")
      .def("__repr__", [](const ExitStatus& status) { return text_of_end("<ExitStatus: " + status.describe() + ">"); });
}

}  // namespace coproc_python
