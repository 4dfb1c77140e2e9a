// The ways to start a worker for which the suites of this folder run: each start method, and a machine whose launcher
// is `env`. What is different on a machine (docs/machines.md) is said here, and nowhere else.
#pragma once

#include <coproc/coproc.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <ostream>
#include <string>

#include "programs.hpp"
#include "support/process.hpp"

namespace parts {

class Way {
 public:
  Way(coproc::StartMethod method) : method_(method) {}  // NOLINT: implicit on purpose
  static Way machine() {
    Way way(coproc::StartMethod::automatic);
    way.is_machine_ = true;
    return way;
  }
  bool operator==(const Way&) const = default;

  std::string name() const {
    constexpr const char* kNames[] = {"automatic", "fork_server", "fork", "spawn", "executable"};
    return is_machine_ ? "machine" : kNames[static_cast<int>(method_)];
  }
  bool is_executable() const { return method_ == coproc::StartMethod::executable; }
  bool is_machine() const { return is_machine_; }

  void apply_to(coproc::WorkerOptions& options) const {
    options.method = method_;
    if (!is_machine_) return;
    // How busy this machine is counts as no silence.
    options.machine = coproc::Machine(coproc::command({"env"}),
                                      {.name = "here", .agent = COPROC_AGENT, .silence = std::chrono::minutes(10)});
  }

  // ---- what is different on a machine ----

  /// No descriptor reaches it. A part is given the name of its descriptor instead, which it opens.
  bool keeps_descriptors() const { return !is_machine_; }
  /// Its stdin is empty, and its stdout and stderr are pipes to its agent.
  bool has_hosts_standard_streams() const { return !is_machine_; }
  /// Signals of the host's terminal do not reach it.
  bool is_in_hosts_group() const { return !is_machine_; }
  /// It has the number that it has on its own machine.
  bool has_its_own_number() const { return is_machine_; }
  /// It keeps no descriptor of its link's memory, since that is handed on to nobody.
  bool keeps_memory_of_link() const { return !is_machine_; }
  /// `env` lets it stay in the launcher's process group, which is killed at once when its host is gone. So it may end
  /// before it sees HostDiedError.
  bool is_told_of_hosts_end() const { return !is_machine_; }
  /// The host sees the end of a near agent by nothing but a descriptor of its process.
  bool needs_pidfd_open() const { return is_machine_; }
  /// Sends the worker a signal that is its host's own, and returns which. That of a worker there is its agent, which is
  /// told of SIGTERM and SIGKILL only.
  int send_as_host(coproc::Worker& worker, int signal) const {
    if (is_machine_) return worker.terminate(), SIGTERM;
    return ::kill(worker.pid(), signal), signal;
  }
  /// The process that has the other ends of a worker's link and lifeline: the host (this process), or the agent there.
  pid_t other_end_of(pid_t worker) const {
    if (!is_machine_) return ::getpid();
    const std::string stat = support::file_of(worker, "stat");
    return std::stoi(stat.substr(stat.rfind(')') + 4));
  }
  /// Waits for the end of a worker whose host is gone, and describes it as far as it is seen. The agent there reaps its
  /// worker, so that nobody else can see how that has ended.
  std::string end_of_orphan(pid_t worker) const {
    if (!is_machine_) return support::end_of(worker);
    while (!has_ended(worker)) ::usleep(1000);
    return as_seen("");
  }
  /// What end_of_orphan() returns of such an end.
  std::string as_seen(const std::string& end) const { return is_machine_ ? "ended" : end; }
  /// A zombie of a process that does not wait for it, or reaped by the agent there.
  bool has_ended(pid_t worker) const {
    const char state = support::state_of(worker);
    return state == 'Z' || (is_machine_ && state == '?');
  }
  /// In which a start is killed at any point of it.
  std::chrono::microseconds time_of_start() const {
    return is_machine_ ? std::chrono::milliseconds(50) : std::chrono::milliseconds(5);
  }

 private:
  coproc::StartMethod method_;
  bool is_machine_ = false;
};

inline void PrintTo(const Way& way, std::ostream* out) { *out << way.name(); }

}  // namespace parts
