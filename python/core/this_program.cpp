// Runs this program as the worker of a host: in another language, or on another machine.
#include "this_program.hpp"

#include <coproc/detail/sent_worker.hpp>
#include <coproc/this_worker.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "errors.hpp"
#include "messenger.hpp"
#include "packed.hpp"
#include "pickling.hpp"

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

/// The state that this worker was given, as a tuple, or None. It is as its messenger sends: a worker that unpickles
/// nothing does not unpickle what the one before has saved either.
py::object restored() {
  if (Messenger::unpickles_state) {
    auto state = coproc::this_worker::restored<Value>();
    return state ? py::object(py::make_tuple(unpickle(*std::move(state)))) : py::none();
  }
  const auto state = coproc::this_worker::restored<Packed>();
  return state ? py::object(py::make_tuple(unpacked(state->in.data(), state->in.size()))) : py::none();
}

/// A target that was sent from another machine, in a process that runs nothing else.
struct Sent {
  py::function prepare;  // called with the bytes: returns the messenger and the target, or why there are none
  py::object messenger = {}, target = {};
  std::optional<py::error_already_set> exit = {};
};

/// Throws std::runtime_error.
void prepare_sent(void* context, const std::string& bytes) {
  Sent& sent = *static_cast<Sent*>(context);
  const py::object made = sent.prepare(py::bytes(bytes));
  if (py::isinstance<py::str>(made)) throw std::runtime_error(made.cast<std::string>());
  sent.messenger = py::tuple(made)[0];
  sent.target = py::tuple(made)[1];
}

/// Is the worker of a host on another machine, whose start sends what `prepare` takes. Returns the exit code.
int run_sent(py::function prepare) {
  Sent sent{std::move(prepare)};
  const auto run = [](void* context, coproc::Messenger& link) {
    Sent& its = *static_cast<Sent*>(context);
    call_target([&] { its.messenger.cast<Messenger&>().use_during(link, [&] { its.target(its.messenger); }); },
                its.exit);
  };
  const int code = coproc::detail::run_sent_worker({.prepare = &prepare_sent, .run = run, .context = &sent});
  if (sent.messenger) sent.messenger.cast<Messenger&>().close();
  if (sent.exit) throw py::error_already_set(*sent.exit);
  return code;
}

}  // namespace

void bind_this_program(py::module_& module) {
  module.def("own_number", &coproc::this_worker::number);
  module.def("own_seed", &coproc::this_worker::seed);
  module.def("own_restored", &restored);
  module.def("beat", &coproc::this_worker::beat);
  module.def("is_worker", &coproc::this_worker::is_worker, "Whether a host has started this program as an Executable.");
  module.def("run_sent", &run_sent);
  module.def("run_worker", [](Messenger& messenger, const py::function& target, bool takes_arguments) {
    return messenger.reorders() ? run<coproc::PriorityMessenger>(messenger, target, takes_arguments)
                                : run<coproc::MultiMessenger>(messenger, target, takes_arguments);
  });
}

}  // namespace coproc_python
