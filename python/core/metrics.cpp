#include "metrics.hpp"

#include <coproc/metrics.hpp>

#include <string>

#include "lock.hpp"

namespace coproc_python {

namespace py = pybind11;
using namespace py::literals;

namespace {

/// Threads that use a pool may hold its lock while they wait for the interpreter's, so that this must not hold it.
std::string text_of(const coproc::Metrics& metrics, bool open, bool of_system) {
  const Unlocked unlocked;
  return metrics.text({.open = open, .of_system = of_system});
}

}  // namespace

void bind_metrics(py::module_& module) {
  py::class_<coproc::Metrics>(module, "Metrics",
                              "Reports all workers and pools of this process to Prometheus, whichever module has made "
                              "them.\n\n"
                              "There is nothing to register. docs/metrics.md lists what is reported. In a process that "
                              "was forked, these\n"
                              "are the workers and pools of that process alone. Any thread may use it.\n")
      .def(py::init(), "Make one. Nothing is counted for it that was not counted before.\n")
      .def("text", &text_of, py::kw_only(), "open"_a = false, "of_system"_a = true,
           "Return the metrics at this moment as text, which `content_type` belongs to.\n\n"
           "It does not wait for any process.\n\n"
           ":param open: whether the text is OpenMetrics 1.0; by default it is Prometheus' text format 0.0.4\n"
           ":param of_system: whether the system is asked for memory and processor time, which takes some 20 us for "
           "each\n"
           "    worker; True by default\n"
           ":return: the text\n")
      .def(
          "content_type",
          [](const coproc::Metrics&, bool open) { return std::string(coproc::Metrics::content_type({.open = open})); },
          py::kw_only(), "open"_a = false,
          "Return the Content-Type under which a server must send the text.\n\n"
          ":param open: as for `text`\n"
          ":return: the Content-Type\n");
}

}  // namespace coproc_python
