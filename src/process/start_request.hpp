// The request to a worker that is not a fork of its host: how its process is to be set up, and what to run.
//
// Thread safety: values and free functions.
// Security considerations: it names code to run, so it is taken only from a socket that came through exec from the
// parent, or from the fork server (new_program.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coproc/limits.hpp"
#include "coproc/sandbox.hpp"
#include "os/clock.hpp"
#include "os/fd.hpp"

namespace coproc::inline v0::process {

/// The version of all messages between host and worker before the target runs. Different versions do not work
/// together.
inline constexpr std::uint32_t kStartVersion = 5;

struct StartRequest {
  std::string name;
  int host_pid = 0;
  std::uint64_t number = 0;  // WorkerIdentity
  std::uint64_t seed = 0;
  /// "NAME=value"; nullopt: the new process has it already.
  std::optional<std::vector<std::string>> environment;
  /// The numbers at which the kept descriptors are to be.
  std::vector<int> keep_fds;
  bool leads_group = false;
  /// Signals that the host ignores: bit n - 1 for signal n.
  std::uint64_t ignored_signals = 0;
  bool heeds_signals_of_others = false;
  /// What the process does to itself before it runs anything.
  std::optional<detail::SandboxParts> sandbox;
  Limits limits;
  std::string control_group;  // that it enters; empty: it stays where it is
  /// A cpu_set_t.
  std::string processors;
  /// For the layer above: what to run, and with what.
  std::string payload;
};

/// Its descriptors: 0, 1, 2, the working directory, the lifeline, those for keep_fds, those of the payload.
struct StartFds {
  os::Fd standard[3];
  os::Fd working_directory;
  os::Fd lifeline;
  std::vector<os::Fd> kept;
  std::vector<os::Fd> payload;
};

/// `fds` are in the order of StartFds. False: the worker is gone. Throws std::system_error (ETIMEDOUT).
bool send_start_request(const os::Fd& socket, const StartRequest& request, std::span<const int> fds,
                        const os::Deadline& deadline);

/// False: the host is gone. Throws StartReport if it comes from another version of coproc, or is no request.
bool receive_start_request(const os::Fd& socket, StartRequest& request, StartFds& fds);

}  // namespace coproc::inline v0::process
