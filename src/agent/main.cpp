// coproc-agent: the two helper processes by which a worker on another machine talks to its host (docs/machines.md).
//
//   coproc-agent near            executed by a host, with a socket at descriptor 3
//   coproc-agent far [PROGRAM]   executed by a launcher; its stdin and stdout are the wire. PROGRAM is the worker's, if
//                                it was sent there
//   coproc-agent far-back [PROGRAM]
//                                likewise, but it connects back to where a ticket says that comes through its stdin
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/call_back.hpp"
#include "agent/far.hpp"
#include "agent/near.hpp"
#include "agent/pipe_stream.hpp"
#include "link/link.hpp"
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

int run_near() {
  os::set_process_name("coproc-near");
  const os::Fd given(os::kSpawnedFd);
  os::Fd control = os::duplicate(given.get());
  std::vector<os::Fd> fds;
  std::uint64_t size = 0;
  if (!os::receive_with_fds(control, std::as_writable_bytes(std::span(&size, 1)), fds)) return 1;
  if (fds.size() < 3 || fds.size() > 4 || size > kMostRequestBytes) {
    std::fprintf(stderr,
                 "coproc-agent near: is executed by a host, and this is none: start workers with "
                 "WorkerOptions::machine instead\n");
    return 2;
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  if (!os::receive_with_fds(control, std::as_writable_bytes(std::span(bytes)), fds)) return 1;
  // SIGCONT lets a stopped process go on, although it is blocked: so a stopped agent, too, sees the host's end and its
  // orders.
  os::signal_on_change(control, SIGCONT);
  remote::NearRequest request = remote::read_near_request(bytes);
  auto link = link::open_shm_end(request.link_end, std::move(fds[0]), std::move(fds[1]), std::move(fds[2]),
                                 std::chrono::seconds(0));
  os::Fd program = fds.size() == 4 ? std::move(fds[3]) : os::Fd();
  return agent::Near(std::move(request), std::move(control), std::move(link), std::move(program)).run();
}

int run_far(std::string program, bool connects_back) {
  os::set_process_name("coproc-far");
  os::block_signal(SIGPIPE);
  auto wire = std::make_unique<agent::PipeStream>(os::duplicate(STDIN_FILENO), os::duplicate(STDOUT_FILENO));
  // What is printed by mistake must not get into the wire.
  const os::Fd nothing = os::open_file("/dev/null", O_RDONLY);
  os::put_at(nothing, STDIN_FILENO);
  const os::Fd errors = os::duplicate(STDERR_FILENO);
  os::put_at(errors, STDOUT_FILENO);
  wire->outbox().put_raw(std::as_bytes(std::span(wire::kMarker)));
  if (!connects_back) return agent::Far(std::move(wire), std::move(program)).run();
  // The pipes stay open: that they end would say that this process has ended.
  const os::Deadline deadline(kToConnect);
  const wire::Ticket ticket = agent::await_ticket(*wire, deadline);
  return agent::Far(agent::call_back(ticket, deadline), std::move(program)).run();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc >= 2 ? argv[1] : "";
  try {
    if (role == "near" && argc == 2) return run_near();
    if ((role == "far" || role == "far-back") && argc <= 3) {
      return run_far(argc == 3 ? argv[2] : "", role == "far-back");
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coproc-agent %s: %s\n", argv[1], error.what());
    return 1;
  }
  std::fprintf(stderr,
               "usage: coproc-agent near|far|far-back; it is executed by coproc, for workers on other machines\n");
  return 2;
}
