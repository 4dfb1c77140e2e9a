#include "options.hpp"

#include <pybind11/stl.h>

#include "arguments.hpp"

namespace coproc_python {

namespace {

using namespace pybind11::literals;

/// Seconds, or None for ever.
py::object seconds(coproc::Timeout timeout) {
  if (timeout.ns == coproc::kForever.ns) return py::none();
  return py::float_(std::chrono::duration<double>(timeout.ns).count());
}

template <class Options>
auto time_property(coproc::Timeout Options::*member) {
  return std::pair([member](const Options& options) { return seconds(options.*member); },
                   [member](Options& options, py::object value) { options.*member = timeout_of(value); });
}

}  // namespace

void bind_options(py::module_& module) {
  const coproc::LinkOptions link;
  const auto spin = time_property(&coproc::LinkOptions::spin);
  py::class_<coproc::LinkOptions>(
      module, "LinkOptions",
      "One link: its limits, and how both of its ends wait. Checked when a link is made: ValueError.\n\n"
      "ring_bytes: each direction's ring, a power of two from 4 KiB to 1 GiB.\n"
      "max_message_bytes: larger messages raise MessageTooLargeError at the send.\n"
      "max_queued_bytes: what one end keeps in its inbox before it pushes back on the sender.\n"
      "spin: seconds that a wait looks again and again before it sleeps, at most; 0: it sleeps at once.\n"
      "loan_bytes: the memory that each direction can lend at once; 0: 4 GiB, or as much as the machine has.\n"
      "automatic_loans: whether large parts go by shared memory instead of through the ring.")
      .def(py::init([](std::size_t ring_bytes, std::size_t max_message_bytes, std::size_t max_queued_bytes,
                       py::object spin_time, std::size_t loan_bytes, bool automatic_loans) {
             return coproc::LinkOptions{ring_bytes, max_message_bytes, max_queued_bytes, timeout_of(spin_time),
                                        loan_bytes, automatic_loans};
           }),
           py::kw_only(), "ring_bytes"_a = link.ring_bytes, "max_message_bytes"_a = link.max_message_bytes,
           "max_queued_bytes"_a = link.max_queued_bytes, "spin"_a = seconds(link.spin),
           "loan_bytes"_a = link.loan_bytes, "automatic_loans"_a = link.automatic_loans)
      .def_readwrite("ring_bytes", &coproc::LinkOptions::ring_bytes)
      .def_readwrite("max_message_bytes", &coproc::LinkOptions::max_message_bytes)
      .def_readwrite("max_queued_bytes", &coproc::LinkOptions::max_queued_bytes)
      .def_property("spin", spin.first, spin.second)
      .def_readwrite("loan_bytes", &coproc::LinkOptions::loan_bytes)
      .def_readwrite("automatic_loans", &coproc::LinkOptions::automatic_loans)
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
      "How many seconds `stop` waits after each rung before it takes the next: close request, SIGTERM, SIGKILL.\n\n"
      "0: it acts and goes on at once. None: there is no next one.")
      .def(py::init([](py::object close_time, py::object terminate_time, py::object kill_time) {
             return coproc::StopOptions{timeout_of(close_time), timeout_of(terminate_time), timeout_of(kill_time)};
           }),
           "close"_a = seconds(stop.close), "terminate"_a = seconds(stop.terminate), "kill"_a = seconds(stop.kill))
      .def_property("close", close.first, close.second)
      .def_property("terminate", terminate.first, terminate.second)
      .def_property("kill", kill.first, kill.second)
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
