// Binds Sandbox, Limits and Confinement, and the way into a box.
#include "sandbox.hpp"

#include <pybind11/operators.h>
#include <pybind11/stl.h>
#include <coproc/this_worker.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "errors.hpp"

namespace coproc_python {

namespace {

namespace py = pybind11;
using namespace pybind11::literals;
using coproc::Confinement;
using coproc::Limits;
using coproc::Sandbox;
using coproc::detail::SandboxKind;
using coproc::detail::SandboxParts;

/// The bytes of a path, which may be a str, bytes or a path object.
std::string path_of(const py::object& path) {
  return py::module_::import("os").attr("fsencode")(path).cast<std::string>();
}

py::object path_object(const std::string& path) { return py::module_::import("os").attr("fsdecode")(py::bytes(path)); }

const char* name_of(SandboxKind kind) {
  switch (kind) {
    case SandboxKind::guard:
      return "guard";
    case SandboxKind::files:
      return "files";
    case SandboxKind::client:
      return "client";
    case SandboxKind::compute:
      break;
  }
  return "compute";
}

/// The calls that make this sandbox, as Python writes them.
std::string text_of(const SandboxParts& parts) {
  std::string text = std::string("Sandbox.") + name_of(parts.kind) + "()";
  const auto add_paths = [&](const char* call, const std::vector<std::string>& paths) {
    for (const std::string& each : paths) {
      text += std::string(".") + call + "(" + py::repr(path_object(each)).cast<std::string>() + ")";
    }
  };
  add_paths("read", parts.readable);
  add_paths("write", parts.writable);
  add_paths("execute", parts.executable);
  if (parts.has_system) text += ".system()";
  if (!parts.ports.empty()) text += ".connect(" + py::repr(py::cast(parts.ports)).cast<std::string>() + ")";
  for (const std::string& call : parts.calls) text += ".allow('" + call + "')";
  if (parts.is_strict) text += ".strict()";
  if (parts.is_best_effort) text += ".best_effort()";
  return text;
}

py::tuple state_of(const SandboxParts& parts) {
  const auto bytes_of = [](const std::vector<std::string>& paths) {
    py::list all;
    for (const std::string& each : paths) all.append(py::bytes(each));
    return all;
  };
  return py::make_tuple(static_cast<int>(parts.kind), bytes_of(parts.readable), bytes_of(parts.writable),
                        bytes_of(parts.executable), parts.ports, parts.calls, parts.has_system, parts.is_strict,
                        parts.is_best_effort);
}

Sandbox sandbox_of(const py::tuple& state) {
  using Paths = std::vector<std::string>;
  return Sandbox(SandboxParts{.kind = static_cast<SandboxKind>(state[0].cast<int>()),
                              .readable = state[1].cast<Paths>(),
                              .writable = state[2].cast<Paths>(),
                              .executable = state[3].cast<Paths>(),
                              .ports = state[4].cast<std::vector<std::uint16_t>>(),
                              .calls = state[5].cast<Paths>(),
                              .has_system = state[6].cast<bool>(),
                              .is_strict = state[7].cast<bool>(),
                              .is_best_effort = state[8].cast<bool>()});
}

void bind_presets(py::module_& module) {
  py::class_<Sandbox>(
      module, "Sandbox",
      "What a worker may still do: the argument `sandbox` of workers and pools, and of `this_worker.confine`.\n\n"
      "Begin with one of the four presets, and change it by the other methods, each of which returns a changed copy.\n"
      "Whatever the box, messages, errors, crash reports, `stop` and the end with the host work as ever. "
      "docs/sandbox.md\n"
      "says what each keeps from a worker, and on which kernel.\n\n"
      "    coproc.WorkerResource(decode, sandbox=coproc.Sandbox.compute())\n"
      "    coproc.Pool(sandbox=coproc.Sandbox.files().read('/usr/share/dict'))\n")
      .def_static("guard", &Sandbox::guard,
                  "Return a sandbox that keeps the host out of reach: its signals, memory, limits and priorities.\n\n"
                  "Files, network and programs are those of the user, as ever. Requires Linux 6.12.\n\n"
                  ":return: the Sandbox\n")
      .def_static("compute", &Sandbox::compute,
                  "Return a sandbox for code that only computes: no files, no network, no processes but threads.\n\n"
                  ":return: the Sandbox\n")
      .def_static("files", &Sandbox::files,
                  "Return `compute` with the files that `read`, `write` and `execute` give. Requires Linux 5.13.\n\n"
                  ":return: the Sandbox\n")
      .def_static("client", &Sandbox::client,
                  "Return `files` with TCP connections to the ports that `connect` gives. Requires Linux 6.7.\n\n"
                  "Names have to be resolved by the host.\n\n"
                  ":return: the Sandbox\n")
      .def(
          "read", [](const Sandbox& self, const py::object& path) { return self.read(path_of(path)); }, "path"_a,
          "Return a copy in which the path, and everything below it, may be read. `compute` becomes `files`.\n\n"
          ":param path: the path, which has to exist at the start; a relative one begins at the worker's directory\n"
          ":return: the changed Sandbox\n"
          ":raises ValueError: for an empty path, and for `guard`\n")
      .def(
          "write", [](const Sandbox& self, const py::object& path) { return self.write(path_of(path)); }, "path"_a,
          "Return a copy in which files at and below the path may be read, written, made and removed.\n\n"
          ":param path: the path, as of `read`\n"
          ":return: the changed Sandbox\n"
          ":raises ValueError: for an empty path, and for `guard`\n")
      .def(
          "execute", [](const Sandbox& self, const py::object& path) { return self.execute(path_of(path)); }, "path"_a,
          "Return a copy in which files at and below the path may be read and executed. Requires Linux 6.12.\n\n"
          "The worker may then start processes, which are in the same box.\n\n"
          ":param path: the path, as of `read`\n"
          ":return: the changed Sandbox\n"
          ":raises ValueError: for an empty path, and for `guard`\n")
      .def("system", &Sandbox::system,
           "Return a copy that has what programs of the system need: /usr, /lib, /lib64, /bin and the loader's "
           "cache.\n\n"
           "Python's own modules are among that, so that imports work. Programs may be executed. Requires Linux "
           "6.12.\n\n"
           ":return: the changed Sandbox\n"
           ":raises ValueError: for `guard`\n")
      .def("connect", &Sandbox::connect, "ports"_a,
           "Return a copy in which TCP connections to these ports are allowed.\n\n"
           ":param ports: an iterable of numbers from 0 to 65535\n"
           ":return: the changed Sandbox\n"
           ":raises ValueError: for every preset but `client`\n"
           ":raises TypeError: if a port is no such number\n")
      .def(
          "allow", [](const Sandbox& self, const std::string& call) { return self.allow(call); }, "call"_a,
          "Return a copy in which one system call more is allowed, whatever its arguments are.\n\n"
          ":param call: the kernel's name of the call, as `ExitStatus.violation` has it\n"
          ":return: the changed Sandbox\n"
          ":raises ValueError: for a name that coproc does not know, and for `guard`\n")
      .def("strict", &Sandbox::strict,
           "Return a copy in which every call that is refused ends the worker, and is named.\n\n"
           "Python itself looks for files when it imports a module or prints a traceback.\n\n"
           ":return: the changed Sandbox\n")
      .def("best_effort", &Sandbox::best_effort,
           "Return a copy with which a worker starts also where the system cannot enforce all of it.\n\n"
           "`confinement()` says what is missing.\n\n"
           ":return: the changed Sandbox\n")
      .def_property_readonly("_is_strict", [](const Sandbox& self) { return self.parts().is_strict; })
      .def(py::self == py::self)
      .def("__hash__", [](const Sandbox& self) { return py::hash(py::str(text_of(self.parts()))); })
      .def("__repr__", [](const Sandbox& self) { return text_of(self.parts()); })
      .def(py::pickle([](const Sandbox& self) { return state_of(self.parts()); }, &sandbox_of));
}

template <class Number>
std::optional<Number> limit_of(const py::object& value, const char* name, const char* takes, Number least = 0,
                               Number most = (std::numeric_limits<Number>::max)()) {
  if (value.is_none()) return std::nullopt;
  return whole_number_of<Number>(value, name, std::string(takes) + ", or None", least, most);
}

/// Values are checked here, since only the worker would find out otherwise.
Limits limits_of(const py::object& memory, const py::object& cpu_time, const py::object& open_files,
                 const py::object& processes, const py::object& file_size, const py::object& priority) {
  using Size = std::size_t;
  Limits limits{.memory = limit_of<Size>(memory, "memory", "a whole number of bytes, from 0 on"),
                .open_files = limit_of<Size>(open_files, "open_files", "a whole number from 0 on"),
                .processes = limit_of<Size>(processes, "processes", "a whole number from 0 on"),
                .file_size = limit_of<std::uint64_t>(file_size, "file_size", "a whole number of bytes, from 0 on"),
                .priority = limit_of<int>(priority, "priority", "a nice value from 0 to 19", 0, 19)};
  if (const auto time = limit_of<long>(cpu_time, "cpu_time", "a whole number of seconds, from 1 on", 1))
    limits.cpu_time = std::chrono::seconds(*time);
  return limits;
}

std::optional<long> cpu_time_of(const Limits& limits) {
  return limits.cpu_time ? std::optional<long>(limits.cpu_time->count()) : std::nullopt;
}

void bind_limits(py::module_& module) {
  py::class_<Limits>(
      module, "Limits",
      "What a worker may use: the argument `limits` of workers and pools, with and without a sandbox.\n\n"
      "A limit that is None stays as the host's is, and none can be raised. Processes that the worker starts have "
      "them, "
      "too,\neach of them anew.\n\n"
      ":param memory: The bytes that the worker may have of its own (RLIMIT_DATA), without its link and loans. What "
      "exceeds\n    it is a MemoryError. The interpreter and its modules count.\n"
      ":param cpu_time: The seconds on processors, a whole number from 1 on. After that SIGXCPU ends the worker.\n"
      ":param open_files: The open descriptors. Where the worker begins with more, it is what it begins with.\n"
      ":param processes: The processes and threads of the worker's user, all of them. It does not limit root.\n"
      ":param file_size: The bytes of the largest file that the worker may write. What exceeds it is an OSError, "
      "since\n"
      "    Python ignores SIGXFSZ.\n"
      ":param priority: The nice value, from 0 (as usual) to 19 (it runs when nobody else wants to).\n"
      ":raises ValueError: if a value cannot be a limit, such as a negative one\n"
      ":raises TypeError: if a value is no whole number\n")
      .def(py::init(&limits_of), py::kw_only(), "memory"_a = py::none(), "cpu_time"_a = py::none(),
           "open_files"_a = py::none(), "processes"_a = py::none(), "file_size"_a = py::none(),
           "priority"_a = py::none())
      .def_property_readonly(
          "memory", [](const Limits& self) { return self.memory; }, "The bytes of its own memory, or None.")
      .def_property_readonly("cpu_time", &cpu_time_of, "The seconds on processors, or None.")
      .def_property_readonly(
          "open_files", [](const Limits& self) { return self.open_files; }, "The open descriptors, or None.")
      .def_property_readonly(
          "processes", [](const Limits& self) { return self.processes; }, "The processes of its user, or None.")
      .def_property_readonly(
          "file_size", [](const Limits& self) { return self.file_size; }, "The bytes of its largest file, or None.")
      .def_property_readonly(
          "priority", [](const Limits& self) { return self.priority; }, "The nice value, or None.")
      .def(py::self == py::self)
      .def("__hash__",
           [](const Limits& self) {
             return py::hash(py::make_tuple(self.memory, cpu_time_of(self), self.open_files, self.processes,
                                            self.file_size, self.priority));
           })
      .def("__repr__",
           [](const Limits& self) {
             return py::str("Limits(memory={}, cpu_time={}, open_files={}, processes={}, file_size={}, priority={})")
                 .format(self.memory, cpu_time_of(self), self.open_files, self.processes, self.file_size,
                         self.priority);
           })
      .def(py::pickle(
          [](const Limits& self) {
            return py::make_tuple(self.memory, cpu_time_of(self), self.open_files, self.processes, self.file_size,
                                  self.priority);
          },
          [](const py::tuple& state) {
            return limits_of(state[0], state[1], state[2], state[3], state[4], state[5]);
          }));
}

void bind_confinement(py::module_& module) {
  using Lines = std::vector<std::string>;
  py::class_<Confinement>(module, "Confinement",
                          "What the system enforces in a worker, which may be less than was asked for "
                          "(`Sandbox.best_effort`).")
      .def_readonly("filters_calls", &Confinement::filters_calls, "Whether a filter looks at each of its system calls.")
      .def_readonly("landlock_abi", &Confinement::landlock_abi, "The version of Landlock whose rules hold; 0: none.")
      .def_readonly("scopes_signals", &Confinement::scopes_signals,
                    "Whether Landlock keeps its signals from processes that it has not started.")
      .def_readonly("limits", &Confinement::limits, "The limits that were set, a list of texts.")
      .def_property_readonly(
          "missing",
          [](const Confinement& self) {
            py::list all;
            for (const std::string& each : self.missing) all.append(in_pythons_words(each));
            return all;
          },
          "What was asked for and is not enforced, a list of texts.")
      .def_property_readonly("is_complete", &Confinement::is_complete, "Whether everything that was asked for holds.")
      .def(
          "describe", [](const Confinement& self) { return in_pythons_words(self.describe()); },
          "Say all of this in lines.\n\n:return: the text\n")
      .def("__repr__", [](const Confinement& self) { return "<Confinement: " + self.describe() + ">"; })
      // How it travels from the worker to the host: as values that are no pickle.
      .def("_parts",
           [](const Confinement& self) {
             return py::make_tuple(self.filters_calls, self.landlock_abi, self.scopes_signals, self.limits,
                                   self.missing);
           })
      .def_static("_of", [](bool filters_calls, int landlock_abi, bool scopes_signals, Lines limits, Lines missing) {
        return Confinement{filters_calls, landlock_abi, scopes_signals, std::move(limits), std::move(missing)};
      });
}

}  // namespace

void bind_sandbox(py::module_& module) {
  bind_presets(module);
  bind_limits(module);
  bind_confinement(module);
  module.def("confine", [](const std::optional<Sandbox>& sandbox, const std::optional<Limits>& limits) {
    const Limits all = limits.value_or(Limits());
    return sandbox ? coproc::this_worker::confine(*sandbox, all) : coproc::this_worker::confine(all);
  });
}

}  // namespace coproc_python
