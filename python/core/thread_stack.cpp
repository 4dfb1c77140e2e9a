#include "thread_stack.hpp"

#include <coproc/thread_stack.hpp>

#include "errors.hpp"

namespace coproc_python {

void bind_thread_stack(py::module_& module) {
  using coproc::ThreadStack;
  py::class_<ThreadStack>(module, "ThreadStack",
                          "What `stack()` of a worker has learned about one of its threads, at one moment.\n\n"
                          "The worker says it, and one that was taken over may say anything: it is for people.")
      .def_readonly("id", &ThreadStack::id,
                    "The thread's number in the system. That of the first thread is the worker's pid.")
      .def_property_readonly(
          "name", [](const ThreadStack& thread) { return text_of(thread.name); },
          "The name that the thread has given itself.")
      .def_property_readonly(
          "state", [](const ThreadStack& thread) { return text_of(thread.state); },
          "'running', 'sleeping', 'in an uninterruptible sleep', 'stopped', 'held by a debugger', 'ended', or "
          "'unknown'.")
      .def_property_readonly(
          "system_call", [](const ThreadStack& thread) { return text_of(thread.system_call); },
          "The kernel's name of the system call in which the thread waits. Empty if it is in none, or if that is not "
          "known.")
      .def_property_readonly(
          "stack",
          [](const ThreadStack& thread) {
            py::list calls;
            for (const std::string& each : thread.stack) calls.append(text_of(each));
            return calls;
          },
          "The calls of the program and the interpreter in C, innermost first, as in ExitStatus.stack.")
      .def_property_readonly(
          "note", [](const ThreadStack& thread) { return text_of(thread.note); },
          "Why there is no stack. Empty if there is one.")
      .def(
          "describe", [](const ThreadStack& thread) { return text_of(thread.describe()); },
          "Say all of this.\n\n"
          ":return: a text of several lines\n")
      .def("__repr__", [](const ThreadStack& thread) {
        return py::str("<ThreadStack: {} {!r}, {}>").format(thread.id, text_of(thread.name), text_of(thread.state));
      });
}

}  // namespace coproc_python
