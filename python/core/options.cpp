#include "options.hpp"

#include <pybind11/stl.h>

#include <cstddef>
#include <utility>

#include "arguments.hpp"

namespace coproc_python {

namespace {

using namespace pybind11::literals;

template <class Options>
auto time_property(coproc::Timeout Options::*member, const char* name) {
  return std::pair(
      [member](const Options& options) { return seconds(options.*member); },
      [member, name](Options& options, const py::object& value) { options.*member = timeout_of(value, name); });
}

std::size_t bytes_of(const py::object& value, const char* name) {
  return whole_number_of<std::size_t>(value, name, "a whole number of bytes, from 0 on");
}

auto bytes_property(std::size_t coproc::LinkOptions::*member, const char* name) {
  return std::pair([member](const coproc::LinkOptions& options) { return options.*member; },
                   [member, name](coproc::LinkOptions& options, const py::object& value) {
                     options.*member = bytes_of(value, name);
                   });
}

}  // namespace

py::object seconds(coproc::Timeout timeout) {
  if (timeout.ns == coproc::kForever.ns) return py::none();
  return py::float_(std::chrono::duration<double>(timeout.ns).count());
}

void bind_options(py::module_& module) {
  const coproc::LinkOptions link;
  const auto spin = time_property(&coproc::LinkOptions::spin, "spin");
  const auto ring_bytes = bytes_property(&coproc::LinkOptions::ring_bytes, "ring_bytes");
  const auto max_message_bytes = bytes_property(&coproc::LinkOptions::max_message_bytes, "max_message_bytes");
  const auto max_queued_bytes = bytes_property(&coproc::LinkOptions::max_queued_bytes, "max_queued_bytes");
  const auto loan_bytes = bytes_property(&coproc::LinkOptions::loan_bytes, "loan_bytes");
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
      ":raises TypeError: if a value is not a number, a number of bytes is not whole,\n"
      "    or `automatic_loans` is neither True nor False\n"
      ":raises ValueError: if a number of bytes is negative, or `spin` is NaN\n")
      .def(py::init([](const py::object& ring, const py::object& message, const py::object& queued,
                       const py::object& spin_time, const py::object& loan, const py::object& automatic) {
             return coproc::LinkOptions{bytes_of(ring, "ring_bytes"),         bytes_of(message, "max_message_bytes"),
                                        bytes_of(queued, "max_queued_bytes"), timeout_of(spin_time, "spin"),
                                        bytes_of(loan, "loan_bytes"),         switch_of(automatic, "automatic_loans")};
           }),
           py::kw_only(), "ring_bytes"_a = link.ring_bytes, "max_message_bytes"_a = link.max_message_bytes,
           "max_queued_bytes"_a = link.max_queued_bytes, "spin"_a = seconds(link.spin),
           "loan_bytes"_a = link.loan_bytes, "automatic_loans"_a = link.automatic_loans)
      .def_property("ring_bytes", ring_bytes.first, ring_bytes.second,
                    "The size of the ring of each direction, in bytes.")
      .def_property("max_message_bytes", max_message_bytes.first, max_message_bytes.second,
                    "The largest message, in bytes.")
      .def_property("max_queued_bytes", max_queued_bytes.first, max_queued_bytes.second,
                    "What one end keeps in its inbox, in bytes.")
      .def_property("spin", spin.first, spin.second,
                    "The longest time for which a wait spins before it sleeps, in seconds.")
      .def_property("loan_bytes", loan_bytes.first, loan_bytes.second,
                    "What each direction can lend at once, in bytes; 0: the default for this machine.")
      .def_property(
          "automatic_loans", [](const coproc::LinkOptions& options) { return options.automatic_loans; },
          [](coproc::LinkOptions& options, const py::object& value) {
            options.automatic_loans = switch_of(value, "automatic_loans");
          },
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
  const auto close = time_property(&coproc::StopOptions::close, "close");
  const auto terminate = time_property(&coproc::StopOptions::terminate, "terminate");
  const auto kill = time_property(&coproc::StopOptions::kill, "kill");
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
      .def(py::init([](const py::object& close_time, const py::object& terminate_time, const py::object& kill_time) {
             return coproc::StopOptions{timeout_of(close_time, "close"), timeout_of(terminate_time, "terminate"),
                                        timeout_of(kill_time, "kill")};
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
