// A launcher behind a network that can be cut: cuttable_launcher STATE COMMAND...
//
// It is two processes. The one that was executed is the client, which only waits, as ssh does on this machine. The
// other one is the network and all that is behind it: the command's parent, in a session of its own. It passes bytes on
// in each direction while the file STATE says that it is whole. While it is cut, it passes on nothing, not even that a
// side has closed its end, or is gone. It ends when the command has ended, and nobody is left to be told of that.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "network_state.hpp"

namespace {

using machines::NetworkState;

constexpr int kLookAgain = 5;  // ms

/// One direction.
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
    if (std::exchange(is_open_, false)) ::close(to_);
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

int be_network(NetworkState& state, char** command) {
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
  Way there(0, to_far[1], state.is_cut_to_far), back(from_far[0], 1, state.is_cut_from_far);
  for (bool has_ended = false;;) {
    pollfd fds[2] = {{there.fd_if_open(), POLLIN, 0}, {back.fd_if_open(), POLLIN, 0}};
    ::poll(fds, 2, kLookAgain);
    if (fds[0].revents != 0) there.pass_on();
    if (fds[1].revents != 0) back.pass_on();
    has_ended = has_ended || ::waitpid(far, nullptr, WNOHANG) == far;
    if (has_ended && (!back.is_open() || (back.is_cut() && is_hung_up(1)))) return 0;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int file = ::open(argv[1], O_RDWR | O_CLOEXEC);
  void* const memory = ::mmap(nullptr, sizeof(NetworkState), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) return 2;
  const pid_t network = ::fork();
  if (network == 0) ::_exit(be_network(*static_cast<NetworkState*>(memory), argv + 2));
  ::close(0);
  ::close(1);
  while (::waitpid(network, nullptr, 0) < 0) {}
  return 0;
}
