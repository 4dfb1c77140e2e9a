#include "agent/far_trunk.hpp"

#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include "agent/command.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/own_program.hpp"
#include "os/pipe.hpp"
#include "os/poll.hpp"
#include "os/signals.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::agent {

namespace {

using wire::FrameType;

constexpr int kMostFills = 4;
constexpr int kMostMoves = 16;
/// The near end begins at once. It says what a silence is only then.
constexpr std::chrono::seconds kToBeWelcomed{60};
/// Far agents whose stdin has ended give their workers process::kHostGoneGrace, and then kill them.
constexpr std::chrono::seconds kToEnd{5};
/// What a branch has written and not sent waits here: signs of life, too, so that it should not be much.
constexpr int kPipeBytes = 64 << 10;
/// A process that has ended and cannot be reaped is held by a tracer.
constexpr std::chrono::milliseconds kRest{20};

/// The far agents' leases, of 0.6 silence, end before this one, of one silence: so they can still say that they did.
std::chrono::nanoseconds for_lease(std::chrono::nanoseconds silence) {
  return silence > std::chrono::nanoseconds::max() / 2 ? std::chrono::nanoseconds::max() : silence / 3 * 5;
}

}  // namespace

FarTrunk::FarTrunk(std::unique_ptr<WireStream> wire, std::string program)
    : wire_(std::move(wire)),
      program_(std::move(program)),
      errors_(os::duplicate(STDERR_FILENO)),
      wake_(SIGCONT, CLOCK_BOOTTIME) {
  // The signal also interrupts a wait, for which the time in which the machine slept does not count.
  os::set_signal_handler(SIGCONT, [](int, siginfo_t*, void*) {});
}

int FarTrunk::run() {
  wire_->outbox().put_control(FrameType::hello, 0, wire::to_payload(wire::own_hello()));
  const os::Deadline to_be_welcomed(kToBeWelcomed);
  wake_.arm(kToBeWelcomed);
  while (is_wire_open_ && !is_lease_over_ && (lease_ || !to_be_welcomed.passed())) {
    read_wire();
    look_at_agents();
    tend_lease();
    move();
    if (look_at_agents()) move();  // nothing else would tell that the last of an agent was sent just now
    if (is_wire_open_ && !is_lease_over_) sleep();
  }
  end_agents();
  return is_lease_over_ ? 1 : 0;
}

// ---- the wire ----

void FarTrunk::read_wire() {
  for (int i = 0; i < kMostFills && is_wire_open_; ++i) {
    const bool is_alive = wire_->fill();
    const bool is_full = wire_->intake().is_full();
    auto bytes = wire_->intake().bytes();
    while (const auto frame = door_.next(bytes)) take(*frame);
    wire_->intake().keep(bytes);
    if (!is_alive) is_wire_open_ = false;
    if (!is_full) return;  // nothing more is there
  }
}

void FarTrunk::take(const wire::Frame& frame) {
  const std::uint32_t branch = wire::branch_of(frame.value);
  switch (frame.type) {
    case FrameType::welcome:
      lease_.emplace(for_lease(std::chrono::nanoseconds(frame.value)), os::boottime_ns());
      return arm_wake();
    case FrameType::open:
      wire_->outbox().put_control(FrameType::opened, wire::branch_value(branch),
                                  wire::to_payload(to_bytes(open(branch))));
      return;
    case FrameType::forget:
      branches_.remove(branch);
      agents_.erase(branch);
      return;
    case FrameType::pong:
      lease_->renew(frame.value);
      return arm_wake();
    default:  // data, credit, end
      return branches_.take(frame);
  }
}

void FarTrunk::move() {
  for (int i = 0; i < kMostMoves && is_wire_open_; ++i) {
    has_more_ = branches_.move();
    if (!wire_->flush()) {
      is_wire_open_ = false;
      return;
    }
    if (!has_more_ || wire_->out_if_waiting() >= 0) return;
  }
}

void FarTrunk::arm_wake() noexcept {
  constexpr std::chrono::milliseconds kThenItIsDue{1};
  const auto time = lease_->ends_in(os::boottime_ns());
  time == std::chrono::nanoseconds::max() ? wake_.disarm() : wake_.arm(time + kThenItIsDue);
}

/// Call after the wire was read: an answer may have waited in it.
void FarTrunk::tend_lease() {
  if (!lease_) return;
  const std::int64_t now = os::boottime_ns();
  is_lease_over_ = lease_->is_over(now);
  if (is_lease_over_ || !lease_->is_ping_due(now)) return;
  const std::uint64_t number = lease_->ping(now);
  door_.expect_pong(number);
  wire_->outbox().put_latest(FrameType::ping, number);
}

void FarTrunk::sleep() {
  std::vector<pollfd> fds = {{wire_->in(), POLLIN, 0}, {wire_->out_if_waiting(), POLLOUT, 0}};
  std::chrono::nanoseconds longest = lease_ ? lease_->next_in(os::boottime_ns()) : kToBeWelcomed;
  if (wire_->holds_input() || (has_more_ && wire_->out_if_waiting() < 0)) longest = std::chrono::nanoseconds::zero();
  for (const auto& [branch, agent] : agents_) {
    if (!agent.child || agent.end) continue;
    if (agent.child.is_ended()) {
      longest = std::min<std::chrono::nanoseconds>(longest, kRest);
    } else {
      fds.push_back({agent.child.wait_fd(), POLLIN, 0});
    }
  }
  const std::size_t own = fds.size();
  branches_.prepare_poll(fds);
  os::poll_once(fds, os::Deadline(longest));
  branches_.note_poll(fds.data() + own);
}

// ---- the far agents ----

remote::StartAnswer FarTrunk::open(std::uint32_t branch) {
  Agent& agent = agents_[branch];
  remote::StartAnswer answer;
  os::Pipe input, output;
  try {
    input = os::Pipe::create_for_input(kPipeBytes);
    output = os::Pipe::create_for_output(kPipeBytes);
    std::vector<std::string> command = {os::own_program(), "far"};
    if (!program_.empty()) command.push_back(program_);
    agent.child = execute_command(command, "the agent there", input.read_end, output.write_end, errors_);
    answer.pid = agent.child.pid();
  } catch (const process::StartReport& report) {
    answer.stage = process::name_of(report.stage);
    answer.error = report.error_number;
    answer.text = process::describe(report, {}).substr(0, remote::kMostTextBytes);
  } catch (const std::system_error& error) {
    answer.stage = "setup";
    answer.error = error.code().value();
    answer.text = std::string("the agent there could not be executed: ") + error.what();
  }
  if (answer.pid == 0) agent.end.emplace();
  branches_.add(branch, std::move(output.read_end), std::move(input.write_end));
  return answer;
}

/// Returns whether one has gone.
bool FarTrunk::look_at_agents() {
  bool any = false;
  for (auto& [branch, agent] : agents_) {
    if (agent.is_told) continue;
    if (!agent.end) {
      if (!agent.child.is_ended()) continue;
      const auto status = agent.child.try_reap();
      if (!status) continue;
      agent.end = remote::end_of(*status);
      branches_.finish(branch);
    }
    if (!branches_.has_ended(branch)) continue;
    agent.is_told = true;
    wire_->outbox().put_bulk(FrameType::gone, wire::branch_value(branch), wire::to_payload(to_bytes(*agent.end)));
    branches_.drop_input(branch);
    door_.expect_forget(branch);
    any = true;
  }
  return any;
}

/// Closes their wires and waits for them. Those that remain are killed by the destructors.
void FarTrunk::end_agents() {
  std::vector<std::uint32_t> branches;
  for (const auto& [branch, agent] : agents_) branches.push_back(branch);
  for (const std::uint32_t branch : branches) branches_.remove(branch);
  const os::Deadline deadline(kToEnd);
  while (!deadline.passed()) {
    std::vector<pollfd> fds;
    for (const auto& [branch, agent] : agents_) {
      if (agent.child && !agent.end && !agent.child.is_ended()) fds.push_back({agent.child.wait_fd(), POLLIN, 0});
    }
    if (fds.empty()) return;
    os::poll_once(fds, deadline);
  }
}

}  // namespace coproc::inline v0::agent
