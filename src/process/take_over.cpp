#include "process/take_over.hpp"

#include <stdlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "os/fd_passing.hpp"
#include "os/file.hpp"
#include "os/own_program.hpp"
#include "os/process_state.hpp"
#include "os/signals.hpp"
#include "os/spawn.hpp"
#include "process/fork_server.hpp"
#include "process/program_worker.hpp"
#include "process/start_channel.hpp"
#include "process/worker_end.hpp"

namespace coproc::inline v0::process {

namespace {

// Set by the program's first thread before its static initialisers or main: these must have no initialisers of their
// own.
constinit bool is_announced = false;
constinit bool is_done = false;
constinit int socket_of_executable = -1;

/// What the environment says. It is not trusted yet.
std::string_view marker() noexcept {
  const char* const text = ::getenv(kMarker);
  return text == nullptr ? std::string_view() : text;
}

bool must_be_taken_over(std::string_view role) noexcept { return role == kForkServerRole || role == kSpawnRole; }

/// Whether the descriptor that came through exec is the socket that the marker stands for.
bool is_our_socket(const os::Fd& socket, bool from_parent) noexcept {
  try {
    const os::PeerProcess peer = os::peer_of(socket);
    return peer.uid == os::user_id() && (!from_parent || peer.pid == ::getppid());
  } catch (const std::system_error&) {
    return false;
  }
}

os::Fd take_socket(bool from_parent) {
  if (os::was_given_other_rights()) return {};
  os::Fd socket(os::kSpawnedFd);
  // A copy that is close-on-exec.
  if (is_our_socket(socket, from_parent)) return os::duplicate(socket.get());
  (void)socket.release();  // not ours to close
  return {};
}

}  // namespace

bool awaits_take_over() noexcept { return !is_done && must_be_taken_over(marker()); }

bool can_be_taken_over() noexcept { return is_announced; }
void announce_take_over(int argc) noexcept {
  is_announced = true;
  os::note_own_program(argc);
}

void take_over(Prepare prepare) noexcept {
  is_announced = true;
  if (is_done) return;
  const std::string role(marker());
  is_done = true;
  if (role.empty()) return;
  ::unsetenv(kMarker);
  os::Fd socket = take_socket(must_be_taken_over(role));
  if (role == kForkServerRole && socket) serve_forks(std::move(socket), prepare);
  if (role == kSpawnRole && socket) {
    os::reset_signals();
    StartChannel::send_here(socket);
    exit_worker(run_own_worker(std::move(socket), prepare));
  }
  if (must_be_taken_over(role)) {
    std::fprintf(stderr, "coproc: %s=%s is set, but not by this program's own host: unset it\n", kMarker, role.c_str());
    end_worker(1);
  }
  socket_of_executable = socket.release();
}

bool is_executable_worker() noexcept { return socket_of_executable >= 0; }

int run_as_executable(Prepare prepare) {
  take_over(prepare);
  if (socket_of_executable < 0) return -1;
  return run_program_worker(os::Fd(std::exchange(socket_of_executable, -1)), prepare);
}

}  // namespace coproc::inline v0::process
