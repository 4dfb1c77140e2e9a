#include "trace.hpp"

#include <coproc/trace.hpp>

#include <memory>
#include <string>

#include "lock.hpp"

namespace coproc_python {

namespace py = pybind11;
using namespace py::literals;

namespace {

/// A span as a context manager, which may be entered again after it was left.
class NamedSpan {
 public:
  explicit NamedSpan(std::string name) : name_(std::move(name)) {}
  void enter() { span_ = std::make_unique<coproc::Span>(name_); }
  void leave() { span_.reset(); }

 private:
  std::string name_;
  std::unique_ptr<coproc::Span> span_;
};

std::string path_of(const py::object& path) { return py::bytes(py::module_::import("os").attr("fsencode")(path)); }

/// A thread of the library that holds the lock of the trace never waits for the interpreter's, but this may write much.
coproc::TraceSummary finish(coproc::Trace& trace) {
  const Unlocked unlocked;
  return trace.finish();
}

}  // namespace

void bind_trace(py::module_& module) {
  using coproc::Trace;
  using coproc::TraceSummary;
  const coproc::TraceOptions usual;
  py::class_<TraceSummary>(module, "TraceSummary", "What a trace holds.")
      .def_readonly("events", &TraceSummary::events, "The number of events.")
      .def_readonly("overwritten", &TraceSummary::overwritten,
                    "How many were overwritten by later ones before anybody looked.")
      .def_readonly("left_out", &TraceSummary::left_out, "How many came when there were `most_events` already.")
      .def_readonly("arrows", &TraceSummary::arrows, "The number of requests, each drawn up to its answer.")
      .def("__repr__", [](const TraceSummary& summary) {
        return py::str("<TraceSummary: {} events, {} overwritten, {} left out, {} arrows>")
            .format(summary.events, summary.overwritten, summary.left_out, summary.arrows);
      });
  py::class_<Trace>(module, "Trace",
                    "Records what the workers that are started while it exists do, and what this process does with "
                    "them.\n\n"
                    "It is a context manager. At its end it writes a file in Chrome's trace format, for "
                    "ui.perfetto.dev or\n"
                    "chrome://tracing: messages with an arrow from each request to its reply, waits, and each "
                    "`span`.\n\n"
                    ":param path: the file, whose contents are replaced at the end\n"
                    ":param events: How many events each side of a link keeps between two looks, up to 1,048,576; "
                    "16384 by\n"
                    "    default.\n"
                    ":param most_events: How many events are kept for the file, in all; 1,000,000 by default. Later "
                    "ones are\n"
                    "    counted.\n"
                    ":raises ValueError: if this process has a trace already, or a number is impossible\n")
      .def(py::init([](const py::object& path, std::size_t events, std::size_t most_events) {
             return std::make_unique<Trace>(path_of(path),
                                            coproc::TraceOptions{.events = events, .most_events = most_events});
           }),
           "path"_a, py::kw_only(), "events"_a = usual.events, "most_events"_a = usual.most_events)
      .def(
          "collect",
          [](Trace& trace) {
            const Unlocked unlocked;
            trace.collect();
          },
          "Read what was noted so far, so that it is not overwritten. Does not wait for any process.\n")
      .def("finish", &finish,
           "End the trace and write the file. A second call only returns the same again.\n\n"
           ":return: a TraceSummary\n"
           ":raises Error: if the file cannot be written; then another call tries it again\n")
      .def(
          "__enter__", [](py::object self) { return self; }, "Return the trace itself.")
      .def(
          "__exit__", [](Trace& trace, const py::args&) { (void)finish(trace); }, "End the trace, as `finish`.");
  py::class_<NamedSpan>(module, "span",
                        "A stretch of time with a name, from the begin to the end of a `with` statement.\n\n"
                        "It is drawn by a Trace of this process, and in a worker noted for "
                        "`exit_status.last_events`\n"
                        "and the Trace of its host. Anywhere else it does nothing.\n\n"
                        ":param name: What is done; the first 47 bytes count. Each process keeps 254 different "
                        "names, and\n"
                        "    calls all others '(other)'.\n")
      .def(py::init<std::string>(), "name"_a)
      .def(
          "__enter__",
          [](py::object self) {
            self.cast<NamedSpan&>().enter();
            return self;
          },
          "Note the begin.")
      .def(
          "__exit__", [](NamedSpan& span, const py::args&) { span.leave(); }, "Note the end.");
  module.def("mark", &coproc::mark, "name"_a,
             "Note this moment under a name, as a span notes its begin.\n\n"
             ":param name: what happens\n");
}

}  // namespace coproc_python
