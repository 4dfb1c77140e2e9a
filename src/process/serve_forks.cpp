// The server's side of fork_server.hpp.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "os/fd_passing.hpp"
#include "os/file.hpp"
#include "os/fork_guard.hpp"
#include "os/pending_output.hpp"
#include "os/pipe.hpp"
#include "os/process_state.hpp"
#include "os/signals.hpp"
#include "process/fork_server.hpp"
#include "process/program_worker.hpp"
#include "process/stack_writer.hpp"
#include "process/standard_streams.hpp"
#include "process/start_channel.hpp"
#include "process/worker_end.hpp"

namespace coproc::inline v0::process {

namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// The one descriptor that comes with the next request; nullopt: the host is gone.
std::optional<os::Fd> next_request(const os::Fd& control) {
  std::byte request[1];
  std::vector<os::Fd> fds;
  if (!os::receive_with_fds(control, request, fds) || fds.size() != 1) return std::nullopt;
  return std::move(fds.front());
}

/// /dev/null, or an end of a pipe if there is no /dev/null (chroot).
os::Fd nothing() {
  try {
    return os::open_file("/dev/null", O_RDWR);
  } catch (const std::system_error&) {
    return std::move(os::Pipe::create().read_end);
  }
}

/// Lets go of what the host has now: its workers are given what it has when they are started. The host may want to
/// close these: a reader of its output waits for the last writer, and a directory in use cannot be unmounted.
void hold_nothing_of_host() {
  const os::Fd null = nothing();
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) os::put_at(null, number);
  os::change_directory("/");
}

/// Forks one worker. Returns in the server.
void fork_worker(os::Fd& control, os::Fd socket, Prepare prepare) {
  ServerReply reply{-1, 0};
  os::Fd pidfd;
  try {
    os::Cloned cloned = os::clone_for_parent();
    if (cloned.pid == 0) {
      control.reset();
      exit_worker(run_own_worker(std::move(socket), prepare));
    }
    reply.pid = cloned.pid;
    pidfd = std::move(cloned.pidfd);
  } catch (const std::system_error& error) {
    reply.error_number = error.code().value();
  }
  const int fds[] = {pidfd.get()};
  (void)os::send_with_fds(socket, bytes_of(reply), std::span(fds, pidfd ? 1 : 0), os::Deadline::forever());
}

}  // namespace

void serve_forks(os::Fd control, Prepare prepare) noexcept {
  // All signals stay blocked, as they were when this program was executed: the server ends with its host, or by
  // SIGKILL.
  os::set_process_name("coproc-forks");
  try {
    flush_standard_streams();  // or each worker would print again what static initialisers have printed
    hold_nothing_of_host();
    // Once, and not in each worker:
    os::reset_signals();
    os::find_streams();
    StackWriter::load_unwinder();
    StartChannel::send_here(control);
    const ServerHello hello{static_cast<std::uint32_t>(os::thread_count()), ::getpid()};
    if (hello.pid == 1) os::leave_children_to_kernel();  // the init process of its PID namespace
    (void)os::send_with_fds(control, bytes_of(hello), {}, os::Deadline::forever());
    while (auto socket = next_request(control)) fork_worker(control, *std::move(socket), prepare);
  } catch (const std::exception&) {
    // The host sees that the server has ended, and starts another one.
  }
  end_worker(0);
}

}  // namespace coproc::inline v0::process
