// The fork server: this program, executed once more as a small process with one thread, from which workers are forked.
// Workers cost the same however large the host is, are the host's own children, and inherit nothing of what it has
// opened, locked or set up. The server's own 0, 1 and 2 lead to /dev/null, and its directory is the root.
//
//   server  how many threads it has                     once
//   host    one byte, with a worker's start socket      for each worker
//   server  its pid or an errno, with its pidfd         for each worker, through that worker's start socket
//
// So a host may ask for several workers, whose forks and setups then overlap, before it waits for the first.
//
// Thread safety: any thread.
// Invariants: at most one server works for this process, and it ends with this process. It is replaced if it has
// ended, if what it would pass on is out of date (os/inheritance.hpp), or if this process has closed its socket. It
// is asked to end by closing that socket, since a process that has given up its user's rights may not signal it any
// more.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/clock.hpp"
#include "os/fd.hpp"
#include "os/pidfd.hpp"
#include "process/start_channel.hpp"
#include "process/take_over.hpp"

namespace coproc::inline v0::process {

inline constexpr const char* kForkServerRole = "fork_server";
inline constexpr const char* kSpawnRole = "spawn";
inline constexpr const char* kExecutableRole = "executable";

class ForkServer;

/// A fork that the server was asked for.
struct AskedFork {
  std::shared_ptr<ForkServer> server;
};
/// When the rights of this process are compared with those that the server has.
enum class RightsCompared {
  first,  // if they differ, another server is started, and asked
  later,  // by may_begin(), so that the server forks meanwhile
};
/// Asks the server for a fork of it, which reads its start request from the channel. Closes the worker's end here.
/// Starts the server if there is none. Throws StartReport, std::system_error. If the report says may_be_spawned,
/// no_fork_server() remembers it.
AskedFork ask_for_fork(StartChannel& channel, RightsCompared compared, const os::Deadline& deadline);

/// Whether the rights of this process are still those of the server. If not, the server is retired, so that the next
/// call of ask_for_fork() starts another one; the fork that was asked for must get no start request. Throws
/// StartReport, std::system_error.
bool may_begin(const AskedFork& asked, const os::Deadline& deadline);
/// Whether the fork will have this environment.
bool has_environment(const AskedFork& asked, const std::vector<std::string>& environment) noexcept;

/// The descriptors that become readable when await_fork() need not wait any more.
std::array<int, 3> fds_of(const AskedFork& asked, const StartChannel& channel) noexcept;

struct ForkedWorker {
  pid_t pid;
  os::Pidfd pidfd;
};
/// Waits for the fork. nullopt: its server has ended before it told of one. Throws as ask_for_fork() does.
std::optional<ForkedWorker> await_fork(const AskedFork& asked, StartChannel& channel, const os::Deadline& deadline);
/// The report of a start whose servers have ended again and again while they were used.
StartReport fork_servers_ended();

/// Why no fork server can fork, if a start has found that out and nothing is known to have changed since; empty: not
/// known. Throws std::system_error.
std::string no_fork_server();

/// Starts the server if there is none. Throws StartReport, std::system_error.
void ensure_fork_server(const os::Deadline& deadline);
/// Ends the server, if there is one. Its workers live on.
void end_fork_server() noexcept;

/// The server's own side: serves until the host closes `control` or ends.
[[noreturn]] void serve_forks(os::Fd control, Prepare prepare) noexcept;

/// The messages of the server to the host.
struct ServerHello {
  std::uint32_t threads;
  std::int32_t pid;  // as it sees itself
};
struct ServerReply {
  std::int32_t pid;  // -1: none
  std::int32_t error_number;
};

}  // namespace coproc::inline v0::process
