#include "options.hpp"

#include <pybind11/stl.h>

#include "arguments.hpp"

namespace coproc_python {

namespace {

using namespace pybind11::literals;

template <class Options>
auto time_property(coproc::Timeout Options::*member) {
  return std::pair([member](const Options& options) { return seconds(options.*member); },
                   [member](Options& options, py::object value) { options.*member = timeout_of(value); });
}

}  // namespace

py::object seconds(coproc::Timeout timeout) {
  if (timeout.ns == coproc::kForever.ns) return py::none();
  return py::float_(std::chrono::duration<double>(timeout.ns).count());
}

void bind_options(py::module_& module) {
  const coproc::LinkOptions link;
  const auto spin = time_property(&coproc::LinkOptions::spin);
  py::class_<coproc::LinkOptions>(
      module, "LinkOptions",
      "The limits of a link, and how both of its ends wait.\n\n"
      "The values are checked when a link is made, which raises ValueError then. Programs rarely need other values "
      "than\n"
      "the defaults, which `LinkOptions()` shows.\n\n"
      ":param ring_bytes: The size in bytes of the ring of each direction: a power of two from 4 KiB to 1 GiB.\n"
      ":param max_message_bytes: The largest message, in bytes. The send of a larger one raises MessageTooLargeError.\n"
      ":param max_queued_bytes: The bytes that one end keeps in its inbox. When the inbox is full the end takes in\n"
      "    nothing more, so that the sender has to wait.\n"
      ":param spin: The seconds for which a wait spins before it sleeps, at most; 0: it sleeps at once.\n"
      ":param loan_bytes: The bytes that each direction can lend at once (`Messenger.empty`, large arrays). 0 stands "
      "for\n"
      "    the smallest of 4 GiB, the memory of the machine, and a 32nd of the limit on address space (`ulimit -v`).\n"
      ":param automatic_loans: Whether large parts of messages travel in shared memory instead of through the ring.\n"
      ":raises TypeError: if a value is not a number, or is a negative number of bytes\n")
      .def(py::init([](std::size_t ring_bytes, std::size_t max_message_bytes, std::size_t max_queued_bytes,
                       py::object spin_time, std::size_t loan_bytes, bool automatic_loans) {
             return coproc::LinkOptions{ring_bytes, max_message_bytes, max_queued_bytes, timeout_of(spin_time),
                                        loan_bytes, automatic_loans};
           }),
           py::kw_only(), "ring_bytes"_a = link.ring_bytes, "max_message_bytes"_a = link.max_message_bytes,
           "max_queued_bytes"_a = link.max_queued_bytes, "spin"_a = seconds(link.spin),
           "loan_bytes"_a = link.loan_bytes, "automatic_loans"_a = link.automatic_loans)
      .def_readwrite("ring_bytes", &coproc::LinkOptions::ring_bytes,
                     "The size of the ring of each direction, in bytes.")
      .def_readwrite("max_message_bytes", &coproc::LinkOptions::max_message_bytes, "The largest message, in bytes.")
      .def_readwrite("max_queued_bytes", &coproc::LinkOptions::max_queued_bytes,
                     "What one end keeps in its inbox, in bytes.")
      .def_property("spin", spin.first, spin.second,
                    "The longest time for which a wait spins before it sleeps, in seconds.")
      .def_readwrite("loan_bytes", &coproc::LinkOptions::loan_bytes,
                     "What each direction can lend at once, in bytes; 0: the default for this machine.")
      .def_readwrite("automatic_loans", &coproc::LinkOptions::automatic_loans,
                     "Whether large parts of messages travel in shared memory.")
      .def(py::pickle(
          [](const coproc::LinkOptions& options) {
            return py::make_tuple(options.ring_bytes, options.max_message_bytes, options.max_queued_bytes,
                                  seconds(options.spin), options.loan_bytes, options.automatic_loans);
          },
          [](const py::tuple& state) {
            return coproc::LinkOptions{state[0].cast<std::size_t>(), state[1].cast<std::size_t>(),
                                       state[2].cast<std::size_t>(), timeout_of(state[3]),
                                       state[4].cast<std::size_t>(), state[5].cast<bool>()};
          }))
      .def("__repr__", [](const coproc::LinkOptions& options) {
        return py::str(
                   "LinkOptions(ring_bytes={}, max_message_bytes={}, max_queued_bytes={}, spin={}, loan_bytes={}, "
                   "automatic_loans={})")
            .format(options.ring_bytes, options.max_message_bytes, options.max_queued_bytes, seconds(options.spin),
                    options.loan_bytes, options.automatic_loans);
      });

  const coproc::StopOptions stop;
  const auto close = time_property(&coproc::StopOptions::close);
  const auto terminate = time_property(&coproc::StopOptions::terminate);
  const auto kill = time_property(&coproc::StopOptions::kill);
  py::class_<coproc::StopOptions>(
      module, "StopOptions",
      "How many seconds `stop` waits after each of its steps before it takes the next one.\n\n"
      "With 0 the next step follows at once. With None it waits for ever, so that there is no next step.\n\n"
      ":param close: The seconds after the close request; 5 by default. Then follows SIGTERM.\n"
      ":param terminate: The seconds after SIGTERM; 2 by default. Then follows SIGKILL.\n"
      ":param kill: The seconds after SIGKILL; 10 by default. Then `stop` returns, although the process is still "
      "there.\n"
      ":raises TypeError: if a value is neither a number nor None\n"
      ":raises ValueError: if a value is NaN\n")
      .def(py::init([](py::object close_time, py::object terminate_time, py::object kill_time) {
             return coproc::StopOptions{timeout_of(close_time), timeout_of(terminate_time), timeout_of(kill_time)};
           }),
           "close"_a = seconds(stop.close), "terminate"_a = seconds(stop.terminate), "kill"_a = seconds(stop.kill))
      .def_property("close", close.first, close.second, "The seconds after the close request; None: for ever.")
      .def_property("terminate", terminate.first, terminate.second, "The seconds after SIGTERM; None: for ever.")
      .def_property("kill", kill.first, kill.second, "The seconds after SIGKILL; None: for ever.")
      .def(py::pickle(
          [](const coproc::StopOptions& options) {
            return py::make_tuple(seconds(options.close), seconds(options.terminate), seconds(options.kill));
          },
          [](const py::tuple& state) {
            return coproc::StopOptions{timeout_of(state[0]), timeout_of(state[1]), timeout_of(state[2])};
          }))
      .def("__repr__", [](const coproc::StopOptions& options) {
        return py::str("StopOptions(close={}, terminate={}, kill={})")
            .format(seconds(options.close), seconds(options.terminate), seconds(options.kill));
      });
}

}  // namespace coproc_python
