#include "remote/trunk.hpp"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "coproc/errors.hpp"
#include "os/poll.hpp"
#include "os/socket_pair.hpp"
#include "process/local_life.hpp"
#include "process/start_stage.hpp"
#include "remote/agent_process.hpp"
#include "remote/conversation.hpp"

namespace coproc::inline v0::remote {

namespace {

using process::StartReport;
using process::StartStage;

/// For the near end, which gives the far one 5 s, and the launcher 5 s and two signals (agent/launcher.cpp).
constexpr std::chrono::seconds kToEnd{15};
/// The program may have closed the descriptor that tells of the end.
constexpr std::chrono::milliseconds kLookAgain{100};

}  // namespace

void BranchPipes::keep_near_ends() noexcept {
  to_far_.read_end.reset();
  from_far_.write_end.reset();
  last_words_.write_end.reset();
}

void BranchPipes::leave_in_child() noexcept {
  for (os::Pipe* const pipe : {&to_far_, &from_far_, &last_words_}) {
    pipe->read_end.reset();
    pipe->write_end.reset();
  }
}

Trunk::~Trunk() { close(); }

bool Trunk::has_to_be_launched() {
  const os::MutexLock lock(mutex_);
  return near_ == nullptr;
}

void Trunk::begin(const WorkerOptions& options, const RemoteProgram& program) {
  const os::MutexLock lock(mutex_);
  if (!near_) launch(options, program);
}

std::unique_ptr<BranchPipes> Trunk::open(const WorkerOptions& options, const RemoteProgram& program,
                                         const os::Deadline& deadline) {
  const os::MutexLock lock(mutex_);
  std::erase_if(former_, [](process::Child& agent) { return agent.try_reap().has_value(); });
  if (near_ && !near_->socket->check_host_end()) retire();
  for (bool is_new = false; !is_new;) {
    is_new = !near_ || !near_->is_up;
    if (!near_) launch(options, program);
    await_launch(options, deadline);
    auto pipes = std::make_unique<BranchPipes>();
    const os::Fd& socket = near_->socket->host_end();
    // Where the trunk was lost meanwhile, its near end has closed the socket.
    std::optional<std::string> message;
    if (send_message(socket, {}, pipes->trunks_ends(), deadline)) message = receive_message(socket, deadline);
    if (!message) {
      const bool is_late = deadline.passed();
      retire();
      if (is_late) break;
      continue;
    }
    pipes->keep_near_ends();
    const StartAnswer answer = read_answer(*message);
    if (answer.pid == 0) throw_refusal(answer, options);
    return pipes;
  }
  throw StartReport{StartStage::handshake, deadline.passed() ? ETIMEDOUT : 0,
                    deadline.passed() ? "the agent there did not answer in WorkerOptions::start_timeout"
                                      : "the connection to its machine ended"};
}

void Trunk::launch(const WorkerOptions& options, const RemoteProgram& program) {
  TrunkRequest request;
  request.launch = launch_request(*options.machine, program.build_id);
  request.start_timeout_ns = options.start_timeout.ns.count();
  request.silence_ns = options.machine->options().silence.ns.count();
  WorkerOptions of_agent = options;  // its outputs are those of no worker
  of_agent.stdout_ = DevNull{};
  if (options.capture_stderr) of_agent.stderr_ = Inherit{};
  StartStage stage = StartStage::setup;
  AgentProcess agent = execute_agent(of_agent, "near-trunk", stage);
  auto near = std::make_unique<Near>();
  near->agent = process::Child(std::make_unique<process::LocalLife>(agent.pid, std::move(agent.pidfd)), nullptr);
  near->socket = std::move(agent.socket);
  std::vector<int> fds;
  if (program.file) fds.push_back(program.file.get());
  (void)send_message(near->socket->host_end(), to_bytes(request), fds, with_agents_grace(options.start_timeout.ns));
  near_ = std::move(near);
}

void Trunk::await_launch(const WorkerOptions& options, const os::Deadline& deadline) {
  if (near_->is_up) return;
  try {
    const StartAnswer answer = await_answer(near_->socket->host_end(), deadline);
    if (answer.pid == 0) throw_refusal(answer, options);
    near_->is_up = true;
  } catch (...) {
    retire();
    throw;
  }
}

/// The near end sees that its socket is closed. Workers that it still carries are not disturbed.
void Trunk::retire() noexcept {
  near_->socket.reset();
  try {
    former_.push_back(std::move(near_->agent));
  } catch (const std::exception&) {
    // Then it is ended now, by the destructor of its Child.
  }
  near_.reset();
}

void Trunk::let_go() noexcept {
  if (os::fork_generation() != owner_) return;
  const os::MutexLock lock(mutex_);
  if (!near_) return;
  (void)near_->socket->check_host_end();
  retire();
}

void Trunk::close() noexcept {
  let_go();
  if (os::fork_generation() != owner_) return;
  const os::MutexLock lock(mutex_);
  const os::Deadline deadline(kToEnd);
  for (process::Child& agent : former_) {
    pollfd end = {agent.wait_fd(), POLLIN, 0};
    try {
      while (!agent.is_ended() && !deadline.passed()) os::poll_once({&end, 1}, os::Deadline(kLookAgain));
      (void)agent.try_reap();
    } catch (const std::system_error&) {
      // The destructor ends it.
    }
  }
  former_.clear();
}

}  // namespace coproc::inline v0::remote
