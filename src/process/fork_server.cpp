// The host's side of the fork server.
#include "process/fork_server.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
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
#include "os/namespaces.hpp"
#include "os/poll.hpp"
#include "os/process_state.hpp"
#include "os/reap.hpp"
#include "os/spawn.hpp"
#include "process/await_start.hpp"
#include "process/start_channel.hpp"
#include "process/stderr_tail.hpp"
#include "process/this_program.hpp"

namespace coproc::inline v0::process {

namespace {

constexpr std::byte kRequest[1]{};

}  // namespace

/// A running server. Starts that wait for a fork share it with the holder below, and use only the const members.
class ForkServer {
 public:
  /// Throws StartReport, std::system_error.
  explicit ForkServer(const os::Deadline& deadline)
      : environment_(os::environment()), inheritance_(os::Inheritance::now()) {
    StderrTail error_output;
    const os::Program program = this_program(kForkServerRole, environment_);
    const pid_t pid = os::spawn(program, channel_.worker_end(), error_output.write_fd());
    channel_.keep_host_end();
    error_output.keep_host_end();
    process_ = take_charge(pid, channel_, deadline, nullptr);
    greet(deadline, error_output);
  }
  ForkServer(const ForkServer&) = delete;
  ForkServer& operator=(const ForkServer&) = delete;

  /// Ends the server, after it has made the forks that it was asked for. If it does not end, the last owner kills it.
  void retire() noexcept {
    if (!process_.is_own_process()) return;
    channel_.hang_up();
    try {
      (void)end_after_hang_up(process_, os::Deadline::forever());
    } catch (const std::system_error&) {
      // The destructor of process_ kills the server and reaps it.
    }
  }

  bool can_serve() const { return process_.is_own_process() && channel_.host_end().is_own() && !process_.is_ended(); }
  bool has_rights_of_host() const { return inheritance_ == os::Inheritance::now(); }
  /// Whether the server is the first process of its PID namespace: then it cannot make children for its parent, and
  /// the namespace ends with it.
  bool is_first_of_namespace() const noexcept { return own_pid_ == 1; }
  const std::vector<std::string>& environment() const noexcept { return environment_; }

  /// False: the server has ended.
  bool ask(const os::Fd& worker_end, const os::Deadline& deadline) {
    const int fds[] = {worker_end.get()};
    return os::send_with_fds(channel_.host_end(), kRequest, fds, deadline);
  }

  /// A descriptor that is readable once the server has ended.
  int end_fd() const noexcept { return process_.wait_fd(); }

  /// nullopt: the server has ended.
  std::optional<ForkedWorker> await(const StartChannel& worker, const os::Deadline& deadline) const {
    ServerReply reply;
    std::vector<os::Fd> received;
    if (!receive_reply(worker, reply, received, deadline)) return std::nullopt;
    if (reply.pid <= 0) throw refusal(reply.error_number);
    const bool is_elsewhere = own_pid_ != process_.pid();  // in another PID namespace, with other numbers
    if (received.size() != 1) {  // the kernel leaves descriptors out if this process may have no more
      if (!is_elsewhere) os::kill_and_reap(reply.pid);
      throw StartReport{StartStage::pidfd, EMFILE};
    }
    os::Pidfd pidfd(std::move(received.front()));
    const auto pid = is_elsewhere ? os::pid_here(pidfd) : std::optional<pid_t>(reply.pid);
    if (!pid) {
      (void)pidfd.send_signal(SIGKILL);
      throw StartReport{StartStage::pidfd, 0,
                        "its number is not known, since it is in another PID namespace, and there is no /proc"};
    }
    return ForkedWorker{*pid, std::move(pidfd)};
  }

 private:
  static StartReport refusal(int error_number) {
    StartReport report{StartStage::fork, error_number};
    if (error_number == EAGAIN || error_number == ENOMEM) return report;
    report.may_be_spawned = true;
    report.text = error_number == ENOTSUP
                      ? "the fork server cannot fork: this system does not say where the C library keeps a thread's id"
                      : "the fork server cannot fork: the system refuses clone3 and clone with CLONE_PARENT";
    report.text += "; StartMethod::spawn does without it";
    return report;
  }

  /// By now there is a worker, and only the reply says which one. So if memory is short, this is tried again.
  bool receive_reply(const StartChannel& worker, ServerReply& reply, std::vector<os::Fd>& received,
                     const os::Deadline& deadline) const {
    for (int tries_left = 3;; --tries_left) {
      try {
        return receive(worker.host_end(), &reply, sizeof reply, received, deadline, nullptr);
      } catch (const std::system_error&) {
        if (tries_left == 0) throw;
      }
    }
  }

  void greet(const os::Deadline& deadline, StderrTail& error_output) {
    ServerHello hello;
    char here;
    std::vector<os::Fd> none;
    const os::Fd& socket = channel_.host_end();
    if ((!channel_.has_read_here() && !receive(socket, &here, 1, none, deadline, &error_output)) ||
        !receive(socket, &hello, sizeof hello, none, deadline, &error_output)) {
      const auto status = end_after_hang_up(process_, deadline);
      error_output.drain();
      throw StartReport{.stage = StartStage::fork_server,
                        .text = "the fork server, which is this program executed anew, " +
                                (status ? status->describe() : std::string("ended")) +
                                " before main: what do the program's static initialisers do?" +
                                quoted_tail(&error_output),
                        .may_be_spawned = true};
    }
    if (hello.threads > 1) {
      throw StartReport{
          .stage = StartStage::fork_server,
          .text = "the fork server has " + std::to_string(hello.threads) +
                  " threads, since a static initialiser of this program or a preloaded library starts "
                  "some, and cannot be forked safely: choose StartMethod::spawn, or start threads in main",
          .may_be_spawned = true};
    }
    own_pid_ = hello.pid;
    if (os::is_open(STDERR_FILENO)) os::write_all(STDERR_FILENO, error_output.text());
  }

  /// Returns false if the server has ended. Throws StartReport when the time is over.
  bool receive(const os::Fd& socket, void* data, std::size_t bytes, std::vector<os::Fd>& fds,
               const os::Deadline& deadline, StderrTail* error_output) const {
    for (;;) {
      pollfd entries[3] = {{socket.get(), POLLIN, 0},
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
    return os::receive_with_fds(socket, {static_cast<std::byte*>(data), bytes}, fds);
  }

  const std::vector<std::string> environment_;
  const os::Inheritance inheritance_;
  StartChannel channel_;
  Child process_;
  std::int32_t own_pid_ = 0;  // as it sees itself
};

namespace {

/// This process's server. A forked child gets a holder of its own, since its parent's lock may be held for ever
/// there.
struct Holder {
  explicit Holder(Holder* of_the_parent) : parent(of_the_parent) {}
  Holder* const parent;  // keeps it reachable, so that it is not taken for a leak
  const unsigned long generation = os::fork_generation();
  std::timed_mutex mutex;
  std::shared_ptr<ForkServer> server;                            // this and what follows: guarded by mutex
  std::vector<std::shared_ptr<ForkServer>> first_of_namespaces;  // kept, so that these namespaces go on
  std::optional<std::pair<os::Inheritance, std::string>> none;   // why no server can fork, and in which state
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

/// Waits for the lock no longer than this start may take, since the start of another thread may hold it for longer.
std::unique_lock<std::timed_mutex> lock_of(Holder& own, const os::Deadline& deadline) {
  std::unique_lock lock(own.mutex, std::try_to_lock);
  while (!lock && !deadline.passed()) {
    (void)lock.try_lock_for(std::min<std::chrono::nanoseconds>(deadline.remaining(), std::chrono::hours(1)));
  }
  if (!lock) throw StartReport{StartStage::fork_server, ETIMEDOUT};
  return lock;
}

/// REQUIRES: own.mutex is held.
void retire_server(Holder& own) noexcept {
  if (own.server != nullptr) own.server->retire();
  own.server.reset();
}

/// REQUIRES: own.mutex is held.
void retire_server_of_other_rights(Holder& own) {
  if (own.server != nullptr && !own.server->has_rights_of_host()) retire_server(own);
}

/// REQUIRES: own.mutex is held.
ForkServer& running_server(Holder& own, const os::Deadline& deadline) {
  struct EndAtExit {
    ~EndAtExit() { end_fork_server(); }
  };
  static const EndAtExit end_at_exit;
  if (own.server != nullptr && !own.server->can_serve()) retire_server(own);
  if (own.server == nullptr) own.server = std::make_shared<ForkServer>(deadline);
  if (own.server->is_first_of_namespace()) {
    own.first_of_namespaces.push_back(std::move(own.server));
    own.server = std::make_shared<ForkServer>(deadline);
  }
  return *own.server;
}

void remember(Holder& own, const StartReport& report) {
  if (report.may_be_spawned) own.none.emplace(os::Inheritance::now(), describe(report, {}));
}

}  // namespace

void ensure_fork_server(const os::Deadline& deadline) {
  Holder& own = holder();
  const auto lock = lock_of(own, deadline);
  retire_server_of_other_rights(own);
  running_server(own, deadline);
}

std::string no_fork_server() {
  Holder& own = holder();
  const std::unique_lock lock(own.mutex, std::try_to_lock);  // a start that is under way may find out otherwise
  if (!lock || !own.none || own.none->first != os::Inheritance::now()) return {};
  return own.none->second;
}

void end_fork_server() noexcept {
  Holder& own = holder();
  const std::lock_guard lock(own.mutex);
  retire_server(own);
}

AskedFork ask_for_fork(StartChannel& channel, RightsCompared compared, const os::Deadline& deadline) {
  Holder& own = holder();
  const auto lock = lock_of(own, deadline);
  if (compared == RightsCompared::first) retire_server_of_other_rights(own);
  try {
    for (int tries = 0; tries < 2; ++tries) {
      ForkServer& server = running_server(own, deadline);
      if (server.ask(channel.worker_end(), deadline)) {
        channel.keep_host_end();
        return {own.server};
      }
      retire_server(own);  // it has ended meanwhile: start another one
    }
  } catch (const StartReport& report) {
    remember(own, report);
    throw;
  }
  throw fork_servers_ended();
}

bool may_begin(const AskedFork& asked, const os::Deadline& deadline) {
  if (asked.server->has_rights_of_host()) return true;
  Holder& own = holder();
  const auto lock = lock_of(own, deadline);
  if (own.server == asked.server) retire_server(own);
  return false;
}

bool has_environment(const AskedFork& asked, const std::vector<std::string>& environment) noexcept {
  return asked.server->environment() == environment;
}

std::array<int, 3> fds_of(const AskedFork& asked, const StartChannel& channel) noexcept {
  return {channel.host_end().get(), asked.server->end_fd(), -1};
}

std::optional<ForkedWorker> await_fork(const AskedFork& asked, StartChannel& channel, const os::Deadline& deadline) {
  Holder& own = holder();
  // Does not wait for another thread that starts a server: that one then knows better.
  const auto note = [&](auto change) {
    const std::unique_lock lock(own.mutex, std::try_to_lock);
    if (lock) change();
  };
  try {
    auto worker = asked.server->await(channel, deadline);
    if (worker) {
      channel.forgo_here();
      note([&] { own.none.reset(); });
    }
    return worker;
  } catch (const StartReport& report) {
    note([&] {
      if (report.stage == StartStage::fork_server && own.server == asked.server) retire_server(own);  // it hangs
      remember(own, report);
    });
    throw;
  }
}

// This failure is not remembered: the servers may have been killed.
StartReport fork_servers_ended() {
  return {.stage = StartStage::fork_server,
          .text = "the fork server ended while it was used; StartMethod::spawn does without it",
          .may_be_spawned = true};
}

}  // namespace coproc::inline v0::process
