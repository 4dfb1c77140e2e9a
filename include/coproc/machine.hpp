// Another machine on which workers can run, and the command that reaches it.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "coproc/timeout.hpp"

namespace coproc::inline v0 {

/// How a program is started on another machine: by a command before which nothing stands and after which coproc puts
/// the program and its arguments. The program's stdin and stdout must be those of the command.
struct Launcher {
  /// The command's words. The first one is a path, or a name that is looked up in PATH. No shell reads them.
  std::vector<std::string> command;
  /// Whether a shell there reads the words that come behind the command, as with ssh. coproc then quotes its own.
  bool uses_shell = false;
  /// Whether coproc-agent and this program are sent there if they are not there yet, through the command's stdin, into
  /// `~/.cache/coproc`. That needs /bin/sh and the usual programs there. `MachineOptions` can name files instead.
  bool ships = false;
  /// Whether coproc-agent there connects back to this machine by TCP, encrypted by TLS 1.3 with a key that is made for
  /// this one start, instead of talking through the command's stdin and stdout. It learns address and key from its
  /// stdin. For commands that carry bytes slowly, or end before their program does. See also MachineOptions::ports.
  bool connects_back = false;
  /// The name of the machine in errors, if MachineOptions gives none. Empty stands for the command.
  std::string name = {};
  /// A command that ends for certain what runs on the machine, such as `{"scancel", "1234"}` or `{"docker", "kill",
  /// "box"}`. It runs on this machine, and no shell reads its words. If a worker is lost and may still run there, it is
  /// run once, before anybody is told of the loss. If it exits with code 0, the worker has ended for certain
  /// (`Fence::confirmed`). If not, `MachineLost::why` says so, with the last of what it has printed. Empty: none.
  std::vector<std::string> fence = {};
  /// How long `fence` may run before it is killed, and has failed. Not `kForever`.
  Timeout fence_time = std::chrono::seconds(30);
};

/// Any command prefix, such as `command({"ssh", "node7"})`, `command({"docker", "run", "-i", "--rm", "image"})`, or
/// `command({"env"})` for this machine.
inline Launcher command(std::vector<std::string> words) { return {.command = std::move(words)}; }

/// OpenSSH, as the user has configured it, but it never asks for anything: a key or an agent has to open the way, and
/// the machine's own key has to be known. `options` are more words for ssh, such as `{"-p", "2222"}`.
///
///     coproc::Machine node7(coproc::ssh("node7"));
inline Launcher ssh(std::string destination, const std::vector<std::string>& options = {}) {
  std::vector<std::string> words = {"ssh", "-T", "-o", "BatchMode=yes"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"--", destination});  // which is never taken for an option
  return {.command = std::move(words), .uses_shell = true, .ships = true, .name = std::move(destination)};
}

/// TCP ports, from the first to the last; 0 and 0 stand for any.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

struct MachineOptions {
  /// The name of the machine in errors. Empty stands for the launcher's name, or its command.
  std::string name = {};
  /// The program `coproc-agent` on this machine: a path, or a name that is looked up in PATH.
  std::string agent = "coproc-agent";
  /// The program `coproc-agent` as the launcher is to start it there. Empty stands for `agent`, or for the one that the
  /// launcher sends there. If it is given, nothing is sent there.
  std::string agent_there = {};
  /// The program of the worker there, of the same build. Empty stands for the one that the launcher sends there, or for
  /// the same path as here. (An `Executable` is never sent.)
  std::string program_there = {};
  /// How long nothing may be heard from the machine before its worker counts as lost; at least 2 s. The agent there
  /// ends the worker earlier: if no sign of life from here has come in 0.6 of this time. `kForever`: nobody listens for
  /// signs of life, and a network that is cut is noticed when the launcher notices it.
  Timeout silence = std::chrono::seconds(5);
  /// Where an agent that connects back (`Launcher::connects_back`) may connect to on this machine: at the first of
  /// these ports that is free. Each worker that is being started takes one, until its agent has connected.
  PortRange ports = {};
};

/// A machine for WorkerOptions::machine (docs/machines.md). Workers of a pool share a launch; others have their own.
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
    std::string text = options_.name.empty() ? launcher_.name : options_.name;
    if (!text.empty()) return text;
    for (const std::string& word : launcher_.command) text += (text.empty() ? "" : " ") + word;
    return text;
  }

 private:
  Launcher launcher_;
  MachineOptions options_;
};

struct SlurmOptions {
  /// How many nodes, at least 1.
  int nodes = 1;
  /// More words for srun, such as `{"-p", "batch", "-t", "60"}`.
  std::vector<std::string> arguments = {};
  /// Of each node. Its name is followed by the node's number, from 0; by default it is "slurm 0".
  MachineOptions machine = {};
};

/// Nodes of a cluster that is run by Slurm, for PoolOptions::machines, or one each for WorkerOptions::machine. Each
/// node of a pool has one srun, and so has any other worker. Inside an allocation (`salloc`, `sbatch`) they are its
/// first nodes. Outside, each srun has an allocation of its own, which ends with it, on a node of Slurm's choice; `-c`
/// in the arguments says with how many processors. The agents connect back, since srun carries few bytes.
///
///     coproc::Pool pool({.workers = 8, .machines = coproc::slurm({.nodes = 4, .arguments = {"-p", "batch"}})});
/// Throws InvalidArgumentError if `nodes` is below 1.
inline std::vector<Machine> slurm(const SlurmOptions& options = {}) {
  if (options.nodes < 1) {  // a pool without machines would run its workers on this one
    throw InvalidArgumentError("slurm: at least one node is needed, not " + std::to_string(options.nodes));
  }
  const bool is_inside = std::getenv("SLURM_JOB_ID") != nullptr;
  std::vector<Machine> machines;
  for (int node = 0; node < options.nodes; ++node) {
    // Whatever happens to one worker is its host's affair, and no reason to end its job.
    std::vector<std::string> words = {
        "srun", "-N1", "-n1", "--mpi=none", "--no-kill", "--wait=0", "--kill-on-bad-exit=0"};
    // Without --overlap a worker would wait for the end of the one before it.
    if (is_inside) words.insert(words.end(), {"--overlap", "--relative=" + std::to_string(node)});
    words.insert(words.end(), options.arguments.begin(), options.arguments.end());
    MachineOptions of_node = options.machine;
    of_node.name = (of_node.name.empty() ? "slurm" : of_node.name) + ' ' + std::to_string(node);
    machines.emplace_back(Launcher{.command = std::move(words), .ships = true, .connects_back = true},
                          std::move(of_node));
  }
  return machines;
}

}  // namespace coproc::inline v0
