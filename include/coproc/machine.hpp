// Another machine on which workers can run, and the command that reaches it.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

/// How a program is started on another machine: by a command before which nothing stands and after which coproc puts
/// the program and its arguments. The program's stdin and stdout must be those of the command.
struct Launcher {
  /// The command's words. The first one is a path, or a name that is looked up in PATH. No shell reads them.
  std::vector<std::string> command;
};

/// Any command prefix, such as `command({"ssh", "node7"})`, `command({"docker", "run", "-i", "--rm", "image"})`, or
/// `command({"env"})` for this machine.
inline Launcher command(std::vector<std::string> words) { return {std::move(words)}; }

struct MachineOptions {
  /// The name of the machine in errors. Empty stands for the launcher's command.
  std::string name = {};
  /// The program `coproc-agent` on this machine: a path, or a name that is looked up in PATH.
  std::string agent = "coproc-agent";
  /// The program `coproc-agent` as the launcher is to start it there. Empty stands for `agent`.
  std::string agent_there = {};
  /// The program of the worker there, if it is not at the same path as here. It must be the same build.
  std::string program_there = {};
  /// How long nothing may be heard from the machine before its worker counts as lost; at least 2 s. The agent there
  /// ends the worker earlier: if no sign of life from here has come in 0.6 of this time. `kForever`: nobody listens for
  /// signs of life, and a network that is cut is noticed when the launcher notices it.
  Timeout silence = std::chrono::seconds(5);
};

/// A machine for WorkerOptions::machine (docs/machines.md). Each worker has a launcher and a connection of its own.
///
///     coproc::WorkerResource there{&serve, {.machine = coproc::Machine(coproc::command({"ssh", "node7"}))}};
///
/// Thread safety: a value.
class Machine {
 public:
  explicit Machine(Launcher launcher, MachineOptions options = {})
      : launcher_(std::move(launcher)), options_(std::move(options)) {}

  const Launcher& launcher() const noexcept { return launcher_; }
  const MachineOptions& options() const noexcept { return options_; }
  /// The name of the machine in errors.
  std::string name() const {
    std::string text = options_.name;
    if (!text.empty()) return text;
    for (const std::string& word : launcher_.command) text += (text.empty() ? "" : " ") + word;
    return text;
  }

 private:
  Launcher launcher_;
  MachineOptions options_;
};

}  // namespace coproc::inline v0
