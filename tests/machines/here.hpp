// A machine for tests: this one, reached by the launcher `env`, so that everything but the network is as elsewhere.
//
// Thread safety: free functions.
#pragma once

#include <coproc/coproc.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "programs.hpp"

namespace machines {

/// What a test stops or delays, and how busy this machine is, counts as no silence.
inline coproc::Machine by(std::vector<std::string> command, std::string name = {}) {
  return coproc::Machine(coproc::command(std::move(command)),
                         {.name = std::move(name), .agent = COPROC_AGENT, .silence = std::chrono::minutes(10)});
}
/// The agents talk through the launcher's pipes, or, if COPROC_MACHINE_WIRE=tls, by TLS: ctest runs tests in both ways.
inline bool is_by_tls() {
  const char* const wire = std::getenv("COPROC_MACHINE_WIRE");
  return wire != nullptr && std::string(wire) == "tls";
}
inline coproc::Machine here() {
  coproc::Launcher launcher = coproc::command({"env"});
  launcher.connects_back = is_by_tls();
  return coproc::Machine(std::move(launcher),
                         {.name = "here", .agent = COPROC_AGENT, .silence = std::chrono::minutes(10)});
}

/// A stop that ends by a close request, however long that takes on a busy machine.
inline constexpr coproc::StopOptions kPatient{.close = coproc::kForever};

/// The children of a process, by /proc.
inline std::vector<pid_t> children_of(pid_t parent) {
  std::ifstream file("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children");
  std::vector<pid_t> children;
  for (pid_t child; file >> child;) children.push_back(child);
  return children;
}
inline std::string name_of(pid_t process) {
  std::string name;
  std::getline(std::ifstream("/proc/" + std::to_string(process) + "/comm"), name);
  return name;
}
/// The child with this name, as `ps` shows it; -1: there is none.
inline pid_t child_named(pid_t parent, const std::string& name) {
  for (const pid_t child : children_of(parent)) {
    if (name_of(child) == name) return child;
  }
  return -1;
}

/// The agents of the one remote worker that this process has.
inline pid_t near_agent() { return child_named(::getpid(), "coproc-near"); }
inline pid_t far_agent() { return child_named(near_agent(), "coproc-far"); }

/// How a worker ended that was lost with its machine; fails the test if it was not.
inline coproc::MachineLost loss_of(const coproc::ExitStatus& status) {
  const auto* lost = std::get_if<coproc::MachineLost>(&status.end);
  EXPECT_NE(lost, nullptr) << status.describe();
  return lost == nullptr ? coproc::MachineLost() : *lost;
}

/// Receives until the death of the worker is told, and returns how it ended.
template <class Worker, class Take>
coproc::ExitStatus receive_until_death(Worker& worker, Take take) {
  try {
    for (;;) take(worker.messenger());
  } catch (const coproc::WorkerDiedError& error) {
    return error.exit_status();
  }
}

/// Whether the process is gone, or a zombie that nobody has reaped yet.
inline bool has_ended(pid_t process) {
  std::string line;
  std::getline(std::ifstream("/proc/" + std::to_string(process) + "/stat"), line);
  const auto at = line.rfind(") ");
  return at == std::string::npos || line[at + 2] == 'Z';
}

}  // namespace machines
