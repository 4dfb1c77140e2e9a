// Runs a Python script as the worker of a host in another language.
#include "this_program.hpp"

#include <coproc/this_worker.hpp>

#include "errors.hpp"
#include "messenger.hpp"
#include "packed.hpp"

namespace coproc_python {

namespace {

/// Calls the target with the argument of the host's `start`: nothing, or MessagePack.
template <class M>
int run(Messenger& messenger, const py::function& target, bool takes_arguments) {
  const auto call = [&](M& link, py::object arguments) {
    try {
      messenger.use_during(link, [&] { target(arguments); });
    } catch (py::error_already_set& error) {
      const py::module_ errors = py::module_::import("coproc.errors");
      if (error.matches(errors.attr("ResourceRequestedClose")) || error.matches(errors.attr("HostDiedError"))) return;
      throw escaped_error(error);
    }
  };
  int code = 0;
  if (takes_arguments) {
    code = coproc::this_worker::run(
        [&](M& link, Packed arguments) { call(link, unpacked(arguments.in.data(), arguments.in.size())); });
  } else {
    code = coproc::this_worker::run([&](M& link) { call(link, py::none()); });
  }
  messenger.close();
  return code;
}

}  // namespace

void bind_this_program(py::module_& module) {
  module.def("own_number", &coproc::this_worker::number);
  module.def("own_seed", &coproc::this_worker::seed);
  module.def("is_worker", &coproc::this_worker::is_worker, "Whether a host has started this program as an Executable.");
  module.def("run_worker", [](Messenger& messenger, const py::function& target, bool takes_arguments) {
    return messenger.reorders() ? run<coproc::PriorityMessenger>(messenger, target, takes_arguments)
                                : run<coproc::MultiMessenger>(messenger, target, takes_arguments);
  });
}

}  // namespace coproc_python
