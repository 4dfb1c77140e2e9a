// A launcher that lets strangers go first: stranger_launcher WHO AGENT far-back ...
//
// It starts the agent, and reads the ticket that is meant for it. Strangers connect to the port that it names, and
// stay: 1,000 that say nothing, some that say garbage, and one with another key. Only then does the agent get the
// ticket. If WHO is "only-strangers", it never gets one. If WHO is "thief", the right key is used before the agent gets
// it.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/call_back.hpp"
#include "agent/tls.hpp"
#include "os/poll.hpp"
#include "os/stream.hpp"
#include "os/tcp.hpp"
#include "wire/ticket.hpp"

namespace {

using namespace coproc;

os::Fd stranger(std::uint16_t port, const std::string& says) {
  os::Fd socket = os::begin_connecting("127.0.0.1", port);
  pollfd entry = {socket.get(), POLLOUT, 0};
  os::poll_once({&entry, 1}, os::Deadline::forever());
  if (!says.empty()) (void)os::send_some(socket.get(), std::as_bytes(std::span(says)));
  return socket;
}

std::string hello_with_another_key(const wire::Ticket& ticket) {
  agent::Tls client(agent::Tls::Role::client, {ticket.session, std::string(agent::TlsKey::kBytes, 'k')});
  (void)client.shake();
  const auto bytes = client.output();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Waits until the other side has closed the connection.
void wait_for_end(const os::Fd& socket) {
  std::byte bytes[4096];
  for (bool is_over = false; !is_over;) {
    pollfd entry = {socket.get(), POLLIN, 0};
    os::poll_once({&entry, 1}, os::Deadline::forever());
    is_over = os::read_some(socket.get(), bytes).is_over;
  }
}

std::string read_ticket_bytes(wire::Ticket& ticket) {
  std::string bytes;
  for (char c; ::read(0, &c, 1) == 1;) {
    bytes += c;
    if (auto whole = wire::read_ticket(bytes)) {
      ticket = *std::move(whole);
      return bytes;
    }
  }
  ::_exit(4);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string who = argv[1];
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::max(limit.rlim_cur, std::min<rlim_t>(4096, limit.rlim_max));
  ::setrlimit(RLIMIT_NOFILE, &limit);
  int to_agent[2];
  if (::pipe2(to_agent, O_CLOEXEC) != 0) return 2;
  const pid_t agent = ::fork();
  if (agent == 0) {
    ::dup2(to_agent[0], 0);
    ::execvp(argv[2], argv + 2);
    ::_exit(127);
  }
  ::close(to_agent[0]);
  wire::Ticket ticket;
  const std::string bytes = read_ticket_bytes(ticket);
  std::vector<os::Fd> strangers;
  std::unique_ptr<agent::WireStream> thief;
  if (who == "thief") {
    thief = agent::call_back(ticket, os::Deadline::forever());
  } else {
    if (who != "only-strangers") {
      for (int i = 0; i < 1000; ++i) strangers.push_back(stranger(ticket.port, ""));
    }
    for (int i = 0; i < 20; ++i) strangers.push_back(stranger(ticket.port, "GET / HTTP/1.1\r\n\r\n"));
    strangers.push_back(stranger(ticket.port, hello_with_another_key(ticket)));
    wait_for_end(strangers.back());
  }
  if (who == "only-strangers") {
    ::kill(agent, SIGKILL);
  } else if (::write(to_agent[1], bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return 2;
  }
  ::close(to_agent[1]);
  int status = 0;
  while (::waitpid(agent, &status, 0) < 0) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}
