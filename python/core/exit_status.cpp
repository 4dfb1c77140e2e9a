#include <pybind11/stl.h>
#include <coproc/exit_status.hpp>

#include <optional>
#include <variant>

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

const char* name_of(coproc::Fence fence) {
  switch (fence) {
    case coproc::Fence::confirmed:
      return "confirmed";
    case coproc::Fence::by_lease:
      return "by_lease";
    case coproc::Fence::no:
      break;
  }
  return "no";
}

const char* name_of(coproc::Hang::Why why) {
  switch (why) {
    case coproc::Hang::Why::unread:
      return "unread";
    case coproc::Hang::Why::reply:
      return "reply";
    case coproc::Hang::Why::beat:
      break;
  }
  return "beat";
}

const char* name_of(coproc::WorkerEvent::What what) {
  using What = coproc::WorkerEvent::What;
  switch (what) {
    case What::received_message:
      return "received_message";
    case What::received_request:
      return "received_request";
    case What::received_reply:
      return "received_reply";
    case What::sent_message:
      return "sent_message";
    case What::sent_request:
      return "sent_request";
    case What::sent_reply:
      return "sent_reply";
    case What::began_wait:
      return "began_wait";
    case What::ended_wait:
      return "ended_wait";
    case What::began_span:
      return "began_span";
    case What::ended_span:
      return "ended_span";
    case What::mark:
      break;
  }
  return "mark";
}

template <class Duration>
double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

void bind_exit_status(py::module_& module) {
  using coproc::ExitStatus;
  using coproc::Violation;
  py::class_<Violation>(
      module, "Violation",
      "A system call that a worker's sandbox does not allow. It comes from the worker, which may have "
      "been taken over: it is for people, and not for decisions.")
      .def_property_readonly(
          "call", [](const Violation& violation) { return text_of(violation.call); },
          "The kernel's name of the call, as `Sandbox.allow` takes it.")
      .def_property_readonly(
          "arguments", [](const Violation& violation) { return py::tuple(py::cast(violation.arguments)); },
          "The six arguments of the call, as numbers.")
      .def("__repr__", [](const Violation& violation) {
        return "<Violation: " + violation.call +
               py::repr(py::tuple(py::cast(violation.arguments))).cast<std::string>() + ">";
      });
  using coproc::MachineLost;
  py::class_<MachineLost>(module, "MachineLost",
                          "The connection to the machine of a worker ended before the worker's end and everything that "
                          "it had sent had arrived.\n\nWhat had arrived was delivered; the rest is lost.")
      .def_property_readonly(
          "machine", [](const MachineLost& lost) { return text_of(lost.machine); }, "The name of the Machine.")
      .def_property_readonly(
          "why", [](const MachineLost& lost) { return in_pythons_words(lost.why); }, "Why it is thought lost.")
      .def_property_readonly(
          "fence",
          [](const MachineLost& lost) {
            return py::module_::import("coproc.machine").attr("Fence").attr(name_of(lost.fence));
          },
          "Whether the worker can still be running, a Fence.")
      .def("__repr__", [](const MachineLost& lost) {
        return py::str("<MachineLost: {!r}, {}, fence: {}>")
            .format(text_of(lost.machine), in_pythons_words(lost.why), name_of(lost.fence));
      });
  using coproc::Hang;
  py::class_<Hang>(module, "Hang", "Why a supervised worker was taken for hung and ended.")
      .def_property_readonly(
          "why", [](const Hang& hang) { return name_of(hang.why); },
          "The limit: 'unread' (there was something to read, and it had read nothing), 'reply' (a request had been in "
          "hand) or 'beat' (it had not called `this_worker.beat`).")
      .def_property_readonly(
          "time", [](const Hang& hang) { return seconds(hang.time); }, "For how long, in seconds.")
      .def_property_readonly(
          "doing", [](const Hang& hang) { return text_of(hang.doing); },
          "What its first thread did then, such as 'running' or 'blocked in futex', as far as the system tells.")
      .def_property_readonly(
          "note", [](const Hang& hang) { return text_of(hang.note); }, "The note of its last beat.")
      .def("__repr__", [](const Hang& hang) {
        return py::str("<Hang: {}, {:.3f} s, {!r}, {!r}>")
            .format(name_of(hang.why), seconds(hang.time), text_of(hang.doing), text_of(hang.note));
      });
  using coproc::WorkerEvent;
  py::class_<WorkerEvent>(module, "WorkerEvent", "Something that a worker did, as it noted by itself.")
      .def_property_readonly(
          "what", [](const WorkerEvent& event) { return name_of(event.what); },
          "'received_message', 'received_request', 'received_reply', 'sent_message', 'sent_request', 'sent_reply', "
          "'began_wait', 'ended_wait', 'began_span', 'ended_span' or 'mark'.")
      .def_property_readonly(
          "name", [](const WorkerEvent& event) { return text_of(event.name); },
          "The name of a span or mark, or the type of a message: 47 bytes at most.")
      .def_readonly("id", &WorkerEvent::id, "The number of a request or of its reply; otherwise 0.")
      .def_property_readonly(
          "before_end", [](const WorkerEvent& event) { return seconds(event.before_end); },
          "How long it was before the host noticed the worker's end, in seconds.")
      .def(
          "describe", [](const WorkerEvent& event) { return text_of(event.describe()); },
          "Say what it was.\n\n:return: a text such as 'received Order 17'\n")
      .def("__repr__", [](const WorkerEvent& event) {
        return py::str("<WorkerEvent: {}, {:.3f} s before the end>")
            .format(text_of(event.describe()), seconds(event.before_end));
      });
  py::class_<ExitStatus>(module, "ExitStatus",
                         "How a worker ended, and everything else that is known about its end. If there were several "
                         "causes, the first one counts.")
      .def_property_readonly("code", &ExitStatus::code, "The exit code, or None if the worker did not exit by itself.")
      .def_property_readonly("signal", &ExitStatus::signal, "The number of the signal that ended the worker, or None.")
      .def_property_readonly(
          "machine_lost",
          [](const ExitStatus& status) {
            const auto* lost = std::get_if<MachineLost>(&status.end);
            return lost == nullptr ? std::nullopt : std::optional(*lost);
          },
          "How a worker on another machine was lost, a MachineLost. None if it was not: its end is known.")
      .def_property_readonly("success", &ExitStatus::success, "Whether the worker ended with exit code 0.")
      .def_property_readonly(
          "stopped_by", [](const ExitStatus& status) { return name_of(status.stopped_by); },
          "The step of stop(), or the call of terminate() or kill(), that ended the worker: 'close_request', "
          "'terminate' or 'kill'. Otherwise None.")
      .def_property_readonly(
          "exception_text", [](const ExitStatus& status) { return text_of(in_python(status).exception_text); },
          "The type and text of the exception that left the target, or an empty text.")
      .def_property_readonly(
          "unanswered",
          [](const ExitStatus& status) {
            std::vector<std::uint64_t> ids;
            for (const coproc::RequestId id : status.unanswered) ids.push_back(static_cast<std::uint64_t>(id));
            return ids;
          },
          "The ids of the requests that had no reply when the worker ended, in the order of their sends.")
      .def_property_readonly(
          "stack",
          [](const ExitStatus& status) {
            py::list calls;
            for (const std::string& each : status.stack) calls.append(text_of(each));
            return calls;
          },
          "The calls in which the worker crashed, innermost first. Empty if they are not known, or it did not crash.")
      .def_property_readonly(
          "stderr_tail", [](const ExitStatus& status) { return text_of(status.stderr_tail); },
          "The last 4 KiB that the worker printed to stderr, with `capture_stderr`. Otherwise an empty text.")
      .def_property_readonly(
          "user_time", [](const ExitStatus& status) { return seconds(status.resources.user_time); },
          "The processor time that the worker used in its own code, in seconds. 0 if the kernel does not know it.")
      .def_property_readonly(
          "system_time", [](const ExitStatus& status) { return seconds(status.resources.system_time); },
          "The processor time that the kernel used for the worker, in seconds. 0 if the kernel does not know it.")
      .def_property_readonly(
          "peak_memory_kib", [](const ExitStatus& status) { return status.resources.peak_memory_kib; },
          "The most memory that the worker had at one time, in KiB. 0 if the kernel does not know it.")
      .def_property_readonly(
          "limit",
          [](const ExitStatus& status) {
            return status.limit.empty() ? py::object(py::none()) : py::str(status.limit);
          },
          "What ended the worker by SIGKILL, as far as that is known: 'RLIMIT_CPU', or 'memory' if it seems to have "
          "been "
          "the out-of-memory killer. Otherwise None.")
      .def_property_readonly(
          "hung", [](const ExitStatus& status) { return status.hung; },
          "Why a supervised worker was ended, a Hang, if that was since it hung; `stack` is then that of its first "
          "thread. Otherwise None.")
      .def_property_readonly(
          "last_events", [](const ExitStatus& status) { return status.last_events; },
          "What the worker did last, a list of WorkerEvents in their order, with `events` or a Trace. It is there "
          "however the worker ended, after SIGKILL, too.")
      .def_property_readonly(
          "violation", [](const ExitStatus& status) { return status.violation; },
          "The system call for which its sandbox ended the worker, a Violation, as the worker reported it. Otherwise "
          "None.")
      .def(
          "describe", [](const ExitStatus& status) { return in_pythons_words(in_python(status).describe()); },
          "Say how the worker ended.\n\n"
          ":return: a text such as 'exited with code 1 after ...' or 'was killed by SIGSEGV'\n")
      .def(
          "report", [](const ExitStatus& status) { return in_pythons_words(in_python(status).report()); },
          "Say everything that is known about the end.\n\n"
          ":return: the text of `describe`, and further lines: time and memory, unanswered requests, stack\n")
      .def("__repr__", [](const ExitStatus& status) {
        return in_pythons_words("<ExitStatus: " + in_python(status).describe() + ">");
      });
}

}  // namespace coproc_python
