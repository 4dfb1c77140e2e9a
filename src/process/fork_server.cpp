// The host's side of the fork server.
#include "process/fork_server.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "os/fd_passing.hpp"
#include "os/file.hpp"
#include "os/fork_guard.hpp"
#include "os/inheritance.hpp"
#include "os/poll.hpp"
#include "os/process_state.hpp"
#include "os/reap.hpp"
#include "os/spawn.hpp"
#include "process/await_start.hpp"
#include "process/new_program.hpp"
#include "process/start_channel.hpp"
#include "process/stderr_tail.hpp"

namespace coproc::inline v0::process {

namespace {

constexpr std::byte kRequest[1]{};

/// A running server.
class Server {
 public:
  /// Throws StartReport, std::system_error.
  explicit Server(const os::Deadline& deadline)
      : environment_(os::environment()), inheritance_(os::Inheritance::now()) {
    StderrTail error_output;
    const os::Program program = this_program(kForkServerRole, environment_);
    const pid_t pid = os::spawn(program, channel_.worker_end(), error_output.write_fd());
    channel_.become_host();
    error_output.stay_with_host();
    process_ = take_charge(pid, channel_, deadline, nullptr);
    greet(deadline, error_output);
  }

  bool can_serve() const {
    return process_.is_own_process() && !process_.is_ended() && inheritance_ == os::Inheritance::now();
  }
  const std::vector<std::string>& environment() const noexcept { return environment_; }

  /// Nothing: the server has ended.
  std::optional<ForkedWorker> fork(const os::Fd& socket, const os::Deadline& deadline) {
    const int fds[] = {socket.get()};
    if (!os::send_with_fds(channel_.host_end(), kRequest, fds, deadline)) return std::nullopt;
    ServerReply reply;
    std::vector<os::Fd> come;
    if (!hear(reply, come, deadline)) return std::nullopt;
    if (reply.pid <= 0) throw StartReport{StartStage::fork, reply.error_number};
    if (come.size() != 1) {  // this process may have no more descriptors: the kernel then leaves them out
      os::kill_and_reap(reply.pid);
      throw StartReport{StartStage::pidfd, EMFILE};
    }
    return ForkedWorker{reply.pid, os::Pidfd(std::move(come.front())), false};
  }

 private:
  /// The reply must be had: there is a worker by now, and nothing else says which one. A lack of memory may pass.
  bool hear(ServerReply& reply, std::vector<os::Fd>& come, const os::Deadline& deadline) {
    for (int tries_left = 3;; --tries_left) {
      try {
        return receive(&reply, sizeof reply, come, deadline, nullptr);
      } catch (const std::system_error&) {
        if (tries_left == 0) throw;
      }
    }
  }

  void greet(const os::Deadline& deadline, StderrTail& error_output) {
    ServerHello hello;
    char here;
    std::vector<os::Fd> none;
    if ((!channel_.is_here() && !receive(&here, 1, none, deadline, &error_output)) ||
        !receive(&hello, sizeof hello, none, deadline, &error_output)) {
      const auto status = end_after_hang_up(process_, deadline);
      error_output.drain();
      throw StartReport{StartStage::fork_server, 0,
                        "the fork server, which is this program executed anew, " +
                            (status ? status->describe() : std::string("ended")) +
                            " before main: what do the program's static initialisers do?" + quoted_tail(&error_output)};
    }
    if (hello.threads > 1) {
      throw StartReport{StartStage::fork_server, 0,
                        "the fork server has " + std::to_string(hello.threads) +
                            " threads, since a static initialiser of this program starts some, and cannot be forked "
                            "safely: choose StartMethod::spawn, or start threads in main"};
    }
    if (os::is_open(STDERR_FILENO)) os::write_all(STDERR_FILENO, error_output.text());
  }

  /// False: the server has ended. Throws StartReport where the time is over.
  bool receive(void* data, std::size_t bytes, std::vector<os::Fd>& fds, const os::Deadline& deadline,
               StderrTail* error_output) {
    for (;;) {
      pollfd entries[3] = {{channel_.host_end().get(), POLLIN, 0},
                           {process_.wait_fd(), POLLIN, 0},
                           {error_output == nullptr ? -1 : error_output->fd(), POLLIN, 0}};
      const os::PollEnd end = os::poll_once(entries, deadline);
      if (error_output != nullptr) error_output->drain();
      if (end == os::PollEnd::ready && entries[0].revents != 0) break;
      if (end == os::PollEnd::ready && entries[1].revents != 0) return false;
      if (end == os::PollEnd::timed_out || deadline.passed()) {
        throw StartReport{StartStage::fork_server, ETIMEDOUT};
      }
    }
    return os::receive_with_fds(channel_.host_end(), {static_cast<std::byte*>(data), bytes}, fds);
  }

  const std::vector<std::string> environment_;
  const os::Inheritance inheritance_;
  StartChannel channel_;
  Child process_;
};

/// This process's server. A forked child gets one of its own: its parent's lock may be held for ever there.
struct Holder {
  explicit Holder(Holder* of_the_parent) : parent(of_the_parent) {}
  Holder* const parent;  // only so that it is not taken for a leak
  const unsigned long generation = os::fork_generation();
  std::mutex mutex;
  std::unique_ptr<Server> server;  // guarded by mutex
};
constinit std::atomic<Holder*> current_holder{nullptr};

Holder& holder() {
  Holder* now = current_holder.load(std::memory_order_acquire);  // pairs with the release of the exchange below
  while (now == nullptr || now->generation != os::fork_generation()) {
    auto mine = std::make_unique<Holder>(now);
    if (current_holder.compare_exchange_weak(now, mine.get(), std::memory_order_acq_rel)) return *mine.release();
  }
  return *now;
}

/// REQUIRES: own.mutex is held.
Server& running_server(Holder& own, const os::Deadline& deadline) {
  struct EndAtExit {
    ~EndAtExit() { end_fork_server(); }
  };
  static const EndAtExit end_at_exit;
  if (own.server != nullptr && !own.server->can_serve()) own.server.reset();
  if (own.server == nullptr) own.server = std::make_unique<Server>(deadline);
  return *own.server;
}

}  // namespace

void ensure_fork_server(const os::Deadline& deadline) {
  Holder& own = holder();
  const std::lock_guard lock(own.mutex);
  running_server(own, deadline);
}

void end_fork_server() noexcept {
  Holder& own = holder();
  const std::lock_guard lock(own.mutex);
  own.server.reset();
}

ForkedWorker start_in_fork_server(const os::Fd& socket, const std::vector<std::string>& environment,
                                  const os::Deadline& deadline) {
  Holder& own = holder();
  const std::lock_guard lock(own.mutex);
  for (int tries = 0; tries < 2; ++tries) {
    Server& server = running_server(own, deadline);
    try {
      if (auto worker = server.fork(socket, deadline)) {
        worker->has_environment = server.environment() == environment;
        return *std::move(worker);
      }
    } catch (const StartReport& report) {
      if (report.stage == StartStage::fork_server) own.server.reset();  // it hangs
      throw;
    }
    own.server.reset();  // it has ended meanwhile: another one
  }
  throw StartReport{StartStage::fork_server, 0,
                    "the fork server ended while it was used; StartMethod::spawn does without it"};
}

}  // namespace coproc::inline v0::process
