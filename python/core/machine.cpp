#include "machine.hpp"

#include <pybind11/stl.h>
#include <coproc/machine.hpp>

#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "options.hpp"

namespace coproc_python {

namespace {

namespace py = pybind11;
using namespace pybind11::literals;
using coproc::Launcher;
using coproc::Machine;
using coproc::MachineOptions;
using Words = std::vector<std::string>;

void bind_launcher(py::module_& module) {
  py::class_<Launcher>(
      module, "Launcher",
      "How a program is started on another machine: by a command behind which coproc puts that program.\n\n"
      "The stdin and stdout of the program have to be those of the command. `ssh` and `command` make launchers.\n\n"
      ":param command: The words of the command. The first is a path, or a name that is looked up in PATH. No shell\n"
      "    reads them.\n"
      ":param uses_shell: Whether a shell there reads the words behind the command, as with ssh. coproc then quotes\n"
      "    its own. False by default.\n"
      ":param ships: Whether coproc-agent is sent there if it is not there yet, through the stdin of the command, "
      "into\n"
      "    `~/.cache/coproc`. That needs /bin/sh and the usual programs there. False by default.\n"
      ":param name: The name of the machine in errors, if the Machine has none. Empty, the default, stands for the\n"
      "    command.\n"
      ":raises TypeError: if `command` is no list of texts\n")
      .def(py::init([](Words command, bool uses_shell, bool ships, std::string name) {
             return Launcher{
                 .command = std::move(command), .uses_shell = uses_shell, .ships = ships, .name = std::move(name)};
           }),
           "command"_a, py::kw_only(), "uses_shell"_a = false, "ships"_a = false, "name"_a = "")
      .def_property_readonly(
          "command", [](const Launcher& self) { return self.command; }, "The words of the command, a list.")
      .def_property_readonly(
          "uses_shell", [](const Launcher& self) { return self.uses_shell; },
          "Whether a shell there reads what follows the command.")
      .def_property_readonly(
          "ships", [](const Launcher& self) { return self.ships; }, "Whether coproc-agent is sent there.")
      .def_property_readonly(
          "name", [](const Launcher& self) { return self.name; }, "The name of the machine in errors.")
      .def(py::pickle(
          [](const Launcher& self) { return py::make_tuple(self.command, self.uses_shell, self.ships, self.name); },
          [](const py::tuple& state) {
            return Launcher{.command = state[0].cast<Words>(),
                            .uses_shell = state[1].cast<bool>(),
                            .ships = state[2].cast<bool>(),
                            .name = state[3].cast<std::string>()};
          }))
      .def("__repr__", [](const Launcher& self) {
        return py::str("Launcher({!r}, uses_shell={}, ships={}, name={!r})")
            .format(self.command, self.uses_shell, self.ships, self.name);
      });
  module.def("command", &coproc::command, "words"_a,
             "Return a Launcher that is any command, such as `command(['docker', 'run', '-i', '--rm', 'image'])`.\n\n"
             "`command(['env'])` is this machine, for tests.\n\n"
             ":param words: the words of the command\n"
             ":return: the Launcher\n"
             ":raises TypeError: if `words` is no list of texts\n");
  module.def("ssh", &coproc::ssh, "destination"_a, "options"_a = Words(),
             "Return a Launcher that is OpenSSH, as the user has configured it.\n\n"
             "It never asks for anything: a key or an agent has to open the way, and the machine's own key has to be\n"
             "known. coproc-agent is sent there when it is not there yet.\n\n"
             ":param destination: the machine, as ssh takes it: 'node7', 'user@node7'\n"
             ":param options: more words for ssh, such as `['-p', '2222']`; none by default\n"
             ":return: the Launcher\n"
             ":raises TypeError: if `options` is no list of texts\n");
}

Machine machine_of(Launcher launcher, std::string name, std::string agent, std::string agent_there,
                   std::string program_there, coproc::Timeout silence) {
  return Machine(std::move(launcher), {.name = std::move(name),
                                       .agent = std::move(agent),
                                       .agent_there = std::move(agent_there),
                                       .program_there = std::move(program_there),
                                       .silence = silence});
}

}  // namespace

void bind_machine(py::module_& module) {
  bind_launcher(module);
  const auto silence = MachineOptions().silence;
  py::class_<Machine>(
      module, "Machine",
      "Another machine, on which workers can run: the argument `machine` of workers, and one of `machines` of "
      "pools.\n\n"
      "    coproc.WorkerResource(serve, machine=coproc.Machine(coproc.ssh('node7')))\n\n"
      "Each worker has a launcher and a connection of its own. docs/machines.md says what has to be there.\n\n"
      ":param launcher: how a program is started there, a Launcher: `ssh('node7')`, `command([...])`\n"
      ":param name: The name of the machine in errors and statistics. Empty, the default, stands for the launcher's\n"
      "    name, or its command.\n"
      ":param agent: The program coproc-agent on this machine: a path, or a name that is looked up in PATH. None, the\n"
      "    default, stands for the one that was installed with this module, or else for 'coproc-agent'.\n"
      ":param agent_there: The program coproc-agent as the launcher is to start it there. Empty, the default, stands\n"
      "    for `agent`, or for the one that the launcher sends there. If it is given, nothing is sent there.\n"
      ":param program_there: The Python interpreter there, or the program of a ProgramResource: a path, or a name "
      "that\n"
      "    is looked up in PATH there. Empty, the default, stands for the same path as here.\n"
      ":param silence: For how many seconds nothing may be heard from the machine before its worker counts as lost; "
      "at\n"
      "    least 2, by default 5. The agent there ends the worker earlier. None: nobody listens for signs of life, "
      "and\n"
      "    a network that is cut is noticed when the launcher notices it.\n"
      ":raises TypeError: if an argument is of another type\n"
      ":raises ValueError: if `silence` is NaN\n")
      .def(py::init([](Launcher launcher, std::string name, const std::optional<std::string>& agent,
                       std::string agent_there, std::string program_there, const py::object& time) {
             const py::object own =
                 agent ? py::object(py::str(*agent)) : py::module_::import("coproc.machine").attr("own_agent")();
             return machine_of(std::move(launcher), std::move(name), own.cast<std::string>(), std::move(agent_there),
                               std::move(program_there), timeout_of(time));
           }),
           "launcher"_a, py::kw_only(), "name"_a = "", "agent"_a = py::none(), "agent_there"_a = "",
           "program_there"_a = "", "silence"_a = seconds(silence))
      .def_property_readonly(
          "launcher", [](const Machine& self) { return self.launcher(); }, "How a program is started there.")
      .def_property_readonly("name", &Machine::name, "The name of the machine in errors and statistics.")
      .def_property_readonly(
          "agent", [](const Machine& self) { return self.options().agent; },
          "The program coproc-agent on this machine.")
      .def_property_readonly(
          "agent_there", [](const Machine& self) { return self.options().agent_there; },
          "The program coproc-agent there, if it was given.")
      .def_property_readonly(
          "program_there", [](const Machine& self) { return self.options().program_there; },
          "The interpreter or program there, if it was given.")
      .def_property_readonly(
          "silence", [](const Machine& self) { return seconds(self.options().silence); },
          "The seconds of silence after which a worker there is lost; None: for ever.")
      .def("_with_program",
           [](const Machine& self, std::string program_there) {
             MachineOptions options = self.options();
             options.program_there = std::move(program_there);
             return Machine(self.launcher(), std::move(options));
           })
      .def(py::pickle(
          [](const Machine& self) {
            const MachineOptions& options = self.options();
            return py::make_tuple(self.launcher(), options.name, options.agent, options.agent_there,
                                  options.program_there, seconds(options.silence));
          },
          [](const py::tuple& state) {
            return machine_of(state[0].cast<Launcher>(), state[1].cast<std::string>(), state[2].cast<std::string>(),
                              state[3].cast<std::string>(), state[4].cast<std::string>(), timeout_of(state[5]));
          }))
      .def("__repr__", [](const Machine& self) {
        const MachineOptions& options = self.options();
        return py::str("Machine({!r}, name={!r}, agent={!r}, agent_there={!r}, program_there={!r}, silence={})")
            .format(self.launcher(), options.name, options.agent, options.agent_there, options.program_there,
                    seconds(options.silence));
      });
}

}  // namespace coproc_python
