// coproc-agent: the two helper processes by which a worker on another machine talks to its host (docs/machines.md).
//
//   coproc-agent near            executed by a host, with a socket at descriptor 3
//   coproc-agent far [PROGRAM]   executed by a launcher; its stdin and stdout are the wire. PROGRAM is the worker's, if
//                                it was sent there
//   coproc-agent far-back [PROGRAM]
//                                likewise, but it connects back to where a ticket says that comes through its stdin
//   coproc-agent near-trunk, far-trunk [PROGRAM], far-trunk-back [PROGRAM]
//                                the two ends of a trunk, through which all workers of a pool on a machine talk
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/call_back.hpp"
#include "agent/far.hpp"
#include "agent/far_trunk.hpp"
#include "agent/near.hpp"
#include "agent/near_trunk.hpp"
#include "agent/pipe_stream.hpp"
#include "link/link.hpp"
#include "os/allocator.hpp"
#include "os/fd_passing.hpp"
#include "os/file.hpp"
#include "os/hang_up_signal.hpp"
#include "os/process_state.hpp"
#include "os/signals.hpp"
#include "os/spawn.hpp"
#include "remote/messages.hpp"

namespace {

using namespace coproc;

/// From its start to the end of the handshake.
constexpr std::chrono::seconds kToConnect{60};
constexpr std::uint64_t kMostRequestBytes = std::uint64_t{1} << 40;

/// What a host sends first.
struct Request {
  os::Fd control;
  std::string bytes;
  std::vector<os::Fd> fds;
};

/// nullopt: the host is gone. Throws std::runtime_error if it is none.
std::optional<Request> await_request(std::size_t least_fds, std::size_t most_fds) {
  const os::Fd given(os::kSpawnedFd);
  Request request;
  request.control = os::duplicate(given.get());
  std::uint64_t size = 0;
  if (!os::receive_with_fds(request.control, std::as_writable_bytes(std::span(&size, 1)), request.fds)) return {};
  if (request.fds.size() < least_fds || request.fds.size() > most_fds || size > kMostRequestBytes) {
    throw std::runtime_error(
        "is executed by a host, and this is none: start workers with WorkerOptions::machine instead");
  }
  request.bytes.resize(static_cast<std::size_t>(size));
  const auto bytes = std::as_writable_bytes(std::span(request.bytes));
  if (!os::receive_with_fds(request.control, bytes, request.fds)) return {};
  // SIGCONT lets a stopped process go on, although it is blocked: so a stopped agent, too, sees the host's end and its
  // orders.
  os::signal_on_change(request.control, SIGCONT);
  return request;
}

int run_near() {
  os::set_process_name("coproc-near");
  auto given = await_request(3, 6);
  if (!given) return 1;
  std::vector<os::Fd>& fds = given->fds;
  remote::NearRequest request = remote::read_near_request(given->bytes);
  auto link = link::open_shm_end(request.link_end, std::move(fds[0]), std::move(fds[1]), std::move(fds[2]),
                                 std::chrono::seconds(0));
  os::Fd program;
  agent::BranchEnd branch;
  if (fds.size() == 6) branch = {std::move(fds[3]), std::move(fds[4]), std::move(fds[5])};
  if (fds.size() == 4) program = std::move(fds[3]);
  if (request.is_on_trunk != static_cast<bool>(branch.in)) throw std::runtime_error("has a branch of no trunk");
  return agent::Near(std::move(request), std::move(given->control), std::move(link), std::move(program),
                     std::move(branch))
      .run();
}

int run_near_trunk() {
  os::set_process_name("coproc-trunk");
  auto given = await_request(0, 1);
  if (!given) return 1;
  os::Fd program = given->fds.empty() ? os::Fd() : std::move(given->fds[0]);
  return agent::NearTrunk(remote::read_trunk_request(given->bytes), std::move(given->control), std::move(program))
      .run();
}

int run_far(const std::string& role, std::string program) {
  const bool is_trunk = role.starts_with("far-trunk"), connects_back = role.ends_with("-back");
  os::set_process_name(is_trunk ? "coproc-trunk" : "coproc-far");
  os::block_signal(SIGPIPE);
  std::unique_ptr<agent::WireStream> wire =
      std::make_unique<agent::PipeStream>(os::duplicate(STDIN_FILENO), os::duplicate(STDOUT_FILENO));
  // What is printed by mistake must not get into the wire.
  const os::Fd nothing = os::open_file("/dev/null", O_RDONLY);
  os::put_at(nothing, STDIN_FILENO);
  const os::Fd errors = os::duplicate(STDERR_FILENO);
  os::put_at(errors, STDOUT_FILENO);
  wire->outbox().put_raw(std::as_bytes(std::span(wire::kMarker)));
  std::unique_ptr<agent::WireStream> pipes;  // stay open: that they end would say that this process has ended
  if (connects_back) {
    const os::Deadline deadline(kToConnect);
    const wire::Ticket ticket = agent::await_ticket(*wire, deadline);
    pipes = std::exchange(wire, agent::call_back(ticket, deadline));
  }
  if (is_trunk) return agent::FarTrunk(std::move(wire), std::move(program)).run();
  return agent::Far(std::move(wire), std::move(program)).run();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc >= 2 ? argv[1] : "";
  // What waits comes and goes all the time. To give its memory back and to take it again would cost more than the rest.
  os::keep_freed_memory(8 << 20);
  try {
    if (role == "near" && argc == 2) return run_near();
    if (role == "near-trunk" && argc == 2) return run_near_trunk();
    const bool is_far = role == "far" || role == "far-back" || role == "far-trunk" || role == "far-trunk-back";
    if (is_far && argc <= 3) return run_far(std::string(role), argc == 3 ? argv[2] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coproc-agent %s: %s\n", argv[1], error.what());
    return 1;
  }
  std::fprintf(stderr,
               "usage: coproc-agent near|far|far-back|near-trunk|far-trunk|far-trunk-back; it is executed by coproc, "
               "for workers on other machines\n");
  return 2;
}
