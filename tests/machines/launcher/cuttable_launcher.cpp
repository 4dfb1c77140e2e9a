// A launcher behind a network that can be cut: cuttable_launcher STATE COMMAND...
//
// It is two processes. The one that was executed is the client, which only waits, as ssh does on this machine. The
// other one is the network and all that is behind it: the command's parent, in a session of its own. It passes bytes on
// in each direction while the file STATE says that it is whole. While it is cut, it passes on nothing, not even that a
// side has closed its end, or is gone. It ends when the command has ended, and nobody is left to be told of that.
//
// If the far agent is to connect back, the ticket that it gets names the network in place of the near agent, so that
// the connection goes through the network, too.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "network_state.hpp"
#include "os/tcp.hpp"
#include "wire/ticket.hpp"

namespace {

using namespace coproc;
using machines::NetworkState;

constexpr int kLookAgain = 5;  // ms

/// One direction, of a pair of pipes or of sockets.
class Way {
 public:
  Way(int from, int to, const std::atomic<int>& is_cut) : from_(from), to_(to), is_cut_(is_cut) {}

  int fd_if_open() const { return is_open_ && is_cut_.load() == 0 ? from_ : -1; }
  bool is_open() const { return is_open_; }
  bool is_cut() const { return is_cut_.load() != 0; }
  void pass_on() {
    char bytes[65536];
    const ssize_t got = ::read(from_, bytes, sizeof bytes);
    for (ssize_t at = 0; at < got;) {
      const ssize_t put = ::write(to_, bytes + at, static_cast<std::size_t>(got - at));
      if (put <= 0) return close();
      at += put;
    }
    if (got <= 0) close();
  }
  void close() {
    if (!std::exchange(is_open_, false)) return;
    ::shutdown(to_, SHUT_WR);  // does nothing to a pipe
    ::close(to_);
  }

 private:
  int from_, to_;
  const std::atomic<int>& is_cut_;
  bool is_open_ = true;
};

bool is_hung_up(int write_end) {
  pollfd entry = {write_end, 0, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & (POLLERR | POLLNVAL)) != 0;
}

int dup_blocking(const os::Fd& socket) {
  const int own = ::dup(socket.get());
  ::fcntl(own, F_SETFL, ::fcntl(own, F_GETFL) & ~O_NONBLOCK);
  return own;
}

/// Takes the ticket for the far agent, and gives it another one. `pass_back` is called while there is something to be
/// passed on from the far agent. Returns the two sockets between which the network is: to the far agent, to the near
/// one. Throws if they do not get so far.
template <class PassBack>
std::pair<os::Fd, os::Fd> reroute(int to_far, int from_far, const PassBack& pass_back) {
  std::string bytes;
  std::optional<wire::Ticket> ticket;
  while (!ticket) {
    pollfd fds[2] = {{0, POLLIN, 0}, {from_far, POLLIN, 0}};
    ::poll(fds, 2, -1);
    if (fds[1].revents != 0) pass_back();
    char piece[4096];
    if (fds[0].revents == 0) continue;
    const ssize_t got = ::read(0, piece, sizeof piece);
    if (got <= 0) throw std::exception();
    bytes.append(piece, static_cast<std::size_t>(got));
    ticket = wire::read_ticket(bytes);
  }
  const os::Fd listener = os::listen_everywhere(0);
  os::Fd near = os::begin_connecting("127.0.0.1", ticket->port);
  ticket->addresses = {"127.0.0.1"};
  ticket->port = os::port_of(listener);
  const std::string other = wire::to_bytes(*ticket);
  if (::write(to_far, other.data(), other.size()) != static_cast<ssize_t>(other.size())) throw std::exception();
  for (;;) {
    pollfd fds[2] = {{listener.get(), POLLIN, 0}, {from_far, 0, 0}};
    ::poll(fds, 2, -1);
    if (auto far = os::accept_next(listener)) {
      pollfd entry = {near.get(), POLLOUT, 0};
      ::poll(&entry, 1, -1);
      return {std::move(far->socket), std::move(near)};
    }
    if (fds[1].revents != 0) throw std::exception();  // it has ended
  }
}

int be_network(NetworkState& state, int count, char** command) {
  ::setsid();
  ::signal(SIGPIPE, SIG_IGN);
  int to_far[2], from_far[2];
  if (::pipe2(to_far, O_CLOEXEC) != 0 || ::pipe2(from_far, O_CLOEXEC) != 0) return 2;
  const pid_t far = ::fork();
  if (far == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(to_far[0], 0);
    ::dup2(from_far[1], 1);
    ::execvp(command[0], command);
    ::_exit(127);
  }
  ::close(to_far[0]);
  ::close(from_far[1]);
  state.far.store(far);
  state.network.store(::getpid());
  const auto& cut_there = state.is_cut_to_far;
  const auto& cut_back = state.is_cut_from_far;
  std::vector<Way> ways{{0, to_far[1], cut_there}, {from_far[0], 1, cut_back}};
  const bool connects_back =
      std::any_of(command, command + count, [](std::string_view word) { return word.ends_with("-back"); });
  if (connects_back) {
    try {
      const auto [to, from] = reroute(to_far[1], from_far[0], [&] { ways[1].pass_on(); });
      ways.emplace_back(dup_blocking(from), dup_blocking(to), cut_there);
      ways.emplace_back(dup_blocking(to), dup_blocking(from), cut_back);
    } catch (const std::exception&) {
      return 2;
    }
  }
  for (bool has_ended = false;;) {
    std::vector<pollfd> fds;
    for (const Way& way : ways) fds.push_back({way.fd_if_open(), POLLIN, 0});
    ::poll(fds.data(), fds.size(), kLookAgain);
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents != 0) ways[i].pass_on();
    }
    has_ended = has_ended || ::waitpid(far, nullptr, WNOHANG) == far;
    const auto is_over = [&](const Way& back) { return !back.is_open() || (back.is_cut() && is_hung_up(1)); };
    if (has_ended && is_over(ways[1]) && is_over(ways.back())) return 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int file = ::open(argv[1], O_RDWR | O_CLOEXEC);
  void* const memory = ::mmap(nullptr, sizeof(NetworkState), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return 2;
  const pid_t network = ::fork();
  if (network == 0) ::_exit(be_network(*static_cast<NetworkState*>(memory), argc - 2, argv + 2));
  ::close(0);
  ::close(1);
  while (::waitpid(network, nullptr, 0) < 0) {}
  return 0;
}
