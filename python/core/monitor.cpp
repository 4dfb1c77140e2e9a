#include "monitor.hpp"

#include <coproc/monitor_recorder.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace coproc_python {

namespace py = pybind11;

namespace {

coproc::MonitorRecorder make_recorder(int pid, bool include_children, double interval, std::int64_t began,
                                      std::string log) {
  coproc::MonitorOptions options;
  options.pid = pid;
  options.include_children = include_children;
  options.interval =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(std::min(interval, 1e9)));
  options.log = std::move(log);
  return coproc::MonitorRecorder(std::move(options), std::chrono::nanoseconds(began));
}

void note(coproc::MonitorRecorder& recorder, std::int64_t time, std::string text, std::string details, bool log,
          bool label, std::uint64_t resident_bytes) {
  recorder.note({.time = std::chrono::nanoseconds(time),
                 .text = std::move(text),
                 .details = std::move(details),
                 .log = log,
                 .label = label,
                 .resident_bytes = resident_bytes});
}

/// Throws Python's OSError, with the file's name, if the file cannot be written.
void save(const coproc::MonitorResult& result, const std::string& path) {
  try {
    result.save(path);
  } catch (const std::system_error& error) {
    errno = error.code().value();
    PyErr_SetFromErrnoWithFilename(PyExc_OSError, path.c_str());
    throw py::error_already_set();
  }
}

coproc::MonitorResult drawn(const coproc::MonitorRecorder& recorder, bool include_notes) {
  coproc::MonitorResult result = recorder.result();
  if (!include_notes) result.notes.clear();
  return result;
}

}  // namespace

void bind_monitor(py::module_& module) {
  py::class_<coproc::MonitorRecorder>(module, "MonitorRecorder")
      .def(py::init(&make_recorder), py::arg("pid"), py::arg("include_children"), py::arg("interval"), py::arg("began"),
           py::arg("log"))
      .def("sample", &coproc::MonitorRecorder::sample)
      .def("until_next_sample",
           [](const coproc::MonitorRecorder& recorder) {
             return std::chrono::duration<double>(recorder.until_next_sample()).count();
           })
      .def("note", &note, py::arg("time"), py::arg("text"), py::arg("details"), py::arg("log"), py::arg("label"),
           py::arg("resident_bytes"))
      .def("json", [](const coproc::MonitorRecorder& recorder) { return recorder.result().json(); })
      .def("svg", [](const coproc::MonitorRecorder& recorder,
                     bool include_notes) { return drawn(recorder, include_notes).svg(); })
      .def("save", [](const coproc::MonitorRecorder& recorder, const std::string& path, bool include_notes) {
        save(drawn(recorder, include_notes), path);
      });
  module.def("resident_bytes_of", &coproc::resident_bytes_of);
}

}  // namespace coproc_python
