#include "machine.hpp"

#include <pybind11/stl.h>
#include <coproc/machine.hpp>

#include <cstdint>
#include <optional>
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

Launcher launcher_of(Words command, bool uses_shell, bool ships, bool connects_back, std::string name, Words fence,
                     const py::object& fence_time) {
  if (fence_time.is_none()) throw py::value_error("fence_time: a number of seconds, and not None for ever");
  return {.command = std::move(command),
          .uses_shell = uses_shell,
          .ships = ships,
          .connects_back = connects_back,
          .name = std::move(name),
          .fence = std::move(fence),
          .fence_time = timeout_of(fence_time, "fence_time")};
}

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
      ":param connects_back: Whether coproc-agent there connects back to this machine by TCP, encrypted by TLS 1.3 "
      "with "
      "a\n"
      "    key that is made for this one start, instead of talking through the stdin and stdout of the command. For\n"
      "    commands that carry bytes slowly, or end before their program does. False by default.\n"
      ":param name: The name of the machine in errors, if the Machine has none. Empty, the default, stands for the\n"
      "    command.\n"
      ":param fence: The words of a command that ends for certain what runs on the machine, such as\n"
      "    `['docker', 'kill', 'box']`. It runs on this machine, and no shell reads its words. If a worker is lost "
      "and\n"
      "    may still run there, it is run once, before anybody is told of the loss. If it exits with code 0, the "
      "worker\n"
      "    has ended for certain (`Fence.confirmed`). Empty, the default: there is none.\n"
      ":param fence_time: how many seconds `fence` may run before it is killed, and has failed; 30 by default\n"
      ":raises TypeError: if `command` or `fence` is no list of texts\n"
      ":raises ValueError: if `fence_time` is NaN or None\n")
      .def(py::init(&launcher_of), "command"_a, py::kw_only(), "uses_shell"_a = false, "ships"_a = false,
           "connects_back"_a = false, "name"_a = "", "fence"_a = Words(),
           "fence_time"_a = seconds(Launcher().fence_time))
      .def_property_readonly(
          "command", [](const Launcher& self) { return self.command; }, "The words of the command, a list.")
      .def_property_readonly(
          "uses_shell", [](const Launcher& self) { return self.uses_shell; },
          "Whether a shell there reads what follows the command.")
      .def_property_readonly(
          "ships", [](const Launcher& self) { return self.ships; }, "Whether coproc-agent is sent there.")
      .def_property_readonly(
          "connects_back", [](const Launcher& self) { return self.connects_back; },
          "Whether coproc-agent there connects back to this machine.")
      .def_property_readonly(
          "name", [](const Launcher& self) { return self.name; }, "The name of the machine in errors.")
      .def_property_readonly(
          "fence", [](const Launcher& self) { return self.fence; },
          "The words of the command that ends for certain what runs there.")
      .def_property_readonly(
          "fence_time", [](const Launcher& self) { return seconds(self.fence_time); },
          "How many seconds that command may run.")
      .def(py::pickle(
          [](const Launcher& self) {
            return py::make_tuple(self.command, self.uses_shell, self.ships, self.connects_back, self.name, self.fence,
                                  seconds(self.fence_time));
          },
          [](const py::tuple& state) {
            return launcher_of(state[0].cast<Words>(), state[1].cast<bool>(), state[2].cast<bool>(),
                               state[3].cast<bool>(), state[4].cast<std::string>(), state[5].cast<Words>(), state[6]);
          }))
      .def("__repr__", [](const Launcher& self) {
        return py::str(
                   "Launcher({!r}, uses_shell={}, ships={}, connects_back={}, name={!r}, fence={!r}, fence_time={})")
            .format(self.command, self.uses_shell, self.ships, self.connects_back, self.name, self.fence,
                    seconds(self.fence_time));
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

/// A first and a last port, or None for any. Throws TypeError, ValueError.
coproc::PortRange port_range_of(const py::object& ports) {
  if (ports.is_none()) return {};
  try {
    const auto [first, last] = ports.cast<std::pair<std::uint16_t, std::uint16_t>>();
    return {first, last};
  } catch (const py::cast_error&) {
    throw py::type_error("ports: the first and the last port, two numbers up to 65535, or None, not " +
                         py::repr(ports).cast<std::string>());
  }
}

py::object described(const coproc::PortRange& ports) {
  if (ports.first == 0 && ports.last == 0) return py::none();
  return py::make_tuple(ports.first, ports.last);
}

MachineOptions options_of(std::string name, const std::optional<std::string>& agent, std::string agent_there,
                          std::string program_there, const py::object& silence, const py::object& ports) {
  return {.name = std::move(name),
          .agent = agent ? *agent : py::module_::import("coproc.machine").attr("own_agent")().cast<std::string>(),
          .agent_there = std::move(agent_there),
          .program_there = std::move(program_there),
          .silence = timeout_of(silence, "silence"),
          .ports = port_range_of(ports)};
}

std::vector<Machine> slurm(int nodes, Words arguments, std::string name, const std::optional<std::string>& agent,
                           std::string agent_there, std::string program_there, const py::object& silence,
                           const py::object& ports) {
  return coproc::slurm({.nodes = nodes,
                        .arguments = std::move(arguments),
                        .machine = options_of(std::move(name), agent, std::move(agent_there), std::move(program_there),
                                              silence, ports)});
}

void bind_slurm(py::module_& module) {
  module.def(
      "slurm", &slurm, "nodes"_a = 1, "arguments"_a = Words(), py::kw_only(), "name"_a = "", "agent"_a = py::none(),
      "agent_there"_a = "", "program_there"_a = "", "silence"_a = seconds(MachineOptions().silence),
      "ports"_a = py::none(),
      "Return the nodes of a cluster that is run by Slurm, a list of Machines, as `Pool(machines=...)` takes it."
      "\n\n"
      "    coproc.Pool(8, machines=coproc.slurm(4, ['-p', 'batch']))\n\n"
      "Inside an allocation (`salloc`, `sbatch`) the nodes are the first ones of it. Outside, each launch has an\n"
      "allocation of its own, which ends with it, and Slurm chooses the node: two may share one. The agents\n"
      "connect back, since srun carries few bytes.\n\n"
      ":param nodes: how many nodes, at least 1\n"
      ":param arguments: more words for srun, such as `['-p', 'batch', '-t', '60']`; none by default\n"
      ":param name: The name of each node is followed by its number, from 0; by default it is 'slurm 0'.\n"
      ":param agent: as of Machine\n"
      ":param agent_there: as of Machine\n"
      ":param program_there: as of Machine\n"
      ":param silence: as of Machine\n"
      ":param ports: as of Machine\n"
      ":return: a list of Machines\n"
      ":raises TypeError: if an argument is of another type\n"
      ":raises ValueError: if `nodes` is below 1, or `silence` is NaN\n");
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
      "A worker has a launch and a connection of its own; those of a pool share one for each machine. "
      "docs/machines.md\n"
      "says what has to be there.\n\n"
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
      ":param ports: Where an agent that connects back may connect to on this machine: at the first free port of "
      "these\n"
      "    two and those between them. None, the default, stands for any.\n"
      ":raises TypeError: if an argument is of another type\n"
      ":raises ValueError: if `silence` is NaN\n")
      .def(py::init([](Launcher launcher, std::string name, const std::optional<std::string>& agent,
                       std::string agent_there, std::string program_there, const py::object& silence,
                       const py::object& ports) {
             return Machine(std::move(launcher), options_of(std::move(name), agent, std::move(agent_there),
                                                            std::move(program_there), silence, ports));
           }),
           "launcher"_a, py::kw_only(), "name"_a = "", "agent"_a = py::none(), "agent_there"_a = "",
           "program_there"_a = "", "silence"_a = seconds(silence), "ports"_a = py::none())
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
      .def_property_readonly(
          "ports", [](const Machine& self) { return described(self.options().ports); },
          "The first and the last port for agents that connect back; None: any.")
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
                                  options.program_there, seconds(options.silence), described(options.ports));
          },
          [](const py::tuple& state) {
            return Machine(state[0].cast<Launcher>(),
                           options_of(state[1].cast<std::string>(), state[2].cast<std::string>(),
                                      state[3].cast<std::string>(), state[4].cast<std::string>(), state[5], state[6]));
          }))
      .def("__repr__", [](const Machine& self) {
        const MachineOptions& options = self.options();
        return py::str(
                   "Machine({!r}, name={!r}, agent={!r}, agent_there={!r}, program_there={!r}, silence={}, ports={})")
            .format(self.launcher(), options.name, options.agent, options.agent_there, options.program_there,
                    seconds(options.silence), described(options.ports));
      });
  bind_slurm(module);
}

}  // namespace coproc_python
