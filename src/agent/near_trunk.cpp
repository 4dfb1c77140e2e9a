#include "agent/near_trunk.hpp"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <span>
#include <utility>

#include "coproc/detail/foreign_text.hpp"
#include "os/fd_passing.hpp"
#include "os/poll.hpp"
#include "os/stream.hpp"
#include "remote/conversation.hpp"

namespace coproc::inline v0::agent {

namespace {

using wire::FrameType;

constexpr int kMostFills = 4;
constexpr int kMostMoves = 16;
constexpr std::size_t kBranchFds = 3;
/// The near agents tell of a silence first: only they know what is promised of their workers.
constexpr std::chrono::milliseconds kAfterTheirs{500};
/// When no near agent is left, the far ones have ended their workers by then.
constexpr std::chrono::seconds kToEndThere{5};
const std::chrono::seconds kOrderTime{5};

bool is_readable(int fd) {
  pollfd entry = {fd, POLLIN, 0};
  return os::poll_once({&entry, 1}, os::Deadline(std::chrono::seconds(0))) == os::PollEnd::ready;
}

/// They find room in a pipe that nothing was written to before.
void write_words(const os::Fd& fd, const std::string& words) {
  (void)os::write_some(fd.get(), std::as_bytes(std::span(words)));
}

}  // namespace

NearTrunk::NearTrunk(remote::TrunkRequest request, os::Fd control, os::Fd program)
    : request_(std::move(request)),
      control_(std::move(control)),
      launch_(request_.launch, "far-trunk", std::move(program)),
      start_deadline_(std::chrono::nanoseconds(request_.start_timeout_ns)) {}

int NearTrunk::run() {
  try {
    launch_.begin();
  } catch (LaunchFailure& failure) {
    fail_launch(std::move(failure.stage), failure.error_number, std::move(failure.text));
  }
  while (!is_done()) {
    turn();
    if (!is_done()) sleep();
  }
  (void)launchers_errors_.flush();  // its last
  if (refusal_) tell_host(*refusal_);
  return 0;
}

bool NearTrunk::is_done() const noexcept { return phase_ == Phase::closing && launch_.has_ended(); }

void NearTrunk::turn() {
  read_control();
  read_errors();
  (void)launch_.look_for_caller();
  read_wire();
  move();
  (void)launchers_errors_.flush();
  check_times();
  look_at_launcher();
}

void NearTrunk::sleep() {
  std::vector<pollfd> fds(2 + Launch::kFds, pollfd{-1, 0, 0});
  fds[0] = {refusal_ ? -1 : control_.get(), POLLIN, 0};
  fds[1] = {launchers_errors_.fd_if_waiting(), POLLOUT, 0};
  launch_.prepare_poll(std::span<pollfd, Launch::kFds>(fds.data() + 2, Launch::kFds), launchers_errors_.is_empty());
  const std::size_t own = fds.size();
  if (branches_) branches_->prepare_poll(fds);
  std::chrono::nanoseconds longest = launch_.look_in();
  if (has_more_ && launch_.is_open() && launch_.wire()->out_if_waiting() < 0)
    longest = std::chrono::nanoseconds::zero();
  if (phase_ == Phase::launching) longest = std::min(longest, start_deadline_.remaining());
  if (phase_ == Phase::running) longest = std::min(longest, silence_ends_in());
  if (patience_) longest = std::min(longest, patience_->remaining());
  os::poll_once(fds, os::Deadline(longest));
  if (branches_) branches_->note_poll(fds.data() + own);
}

// ---- the host ----

void NearTrunk::read_control() {
  while (control_ && !refusal_ && is_readable(control_.get())) {
    if (!take_branch()) control_.reset();
  }
}

/// False: the host takes no more branches.
bool NearTrunk::take_branch() {
  std::uint64_t size = 0;
  std::vector<os::Fd> fds;
  if (!os::receive_with_fds(control_, std::as_writable_bytes(std::span(&size, 1)), fds)) return false;
  if (size != 0 || fds.size() != kBranchFds || phase_ != Phase::running) return false;
  if (!door_.may_open()) return false;
  const std::uint32_t branch = door_.open();
  branches_->add(branch, std::move(fds[0]), std::move(fds[1]));
  os::set_non_blocking(fds[2].get());
  last_words_.emplace(branch, std::move(fds[2]));
  launch_.wire()->outbox().put_control(FrameType::open, wire::branch_value(branch));
  return true;
}

void NearTrunk::tell_host(const remote::StartAnswer& answer) {
  if (control_) (void)remote::send_message(control_, to_bytes(answer), {}, os::Deadline(kOrderTime));
}

// ---- the far end ----

void NearTrunk::read_errors() {
  if (phase_ == Phase::launching || refusal_) return launch_.read_errors(nullptr);
  if (launchers_errors_.is_empty()) launch_.read_errors(&launchers_errors_);
}

void NearTrunk::read_wire() {
  for (int i = 0; i < kMostFills && launch_.is_open(); ++i) {
    WireLook look{};
    try {
      look = read_frames(launch_, door_, hearing_, [&](const wire::Frame& frame) { take(frame); });
    } catch (const wire::BrokenWire& error) {
      const std::string why = std::string("the agent there broke the rules: ") + error.what();
      phase_ == Phase::launching ? fail_launch("handshake", 0, why) : lose(why);
      return;
    }
    if (!look.is_alive && launch_.is_open()) {
      names_launchers_end_ = true;
      if (phase_ == Phase::launching) {
        const bool is_called_back = launch_.awaits_caller() && launch_.has_marker();
        fail_launch(is_called_back ? "connect" : "handshake", 0,
                    is_called_back ? "the agent there did not connect back" + launch_.describe_listener() + ": "
                                   : "the agent there did not start: ");
      } else {
        lose({});  // which the near agents say themselves
      }
    }
    if (!look.is_full) return;  // nothing more is there
  }
}

void NearTrunk::take(const wire::Frame& frame) {
  const std::uint32_t branch = wire::branch_of(frame.value);
  switch (frame.type) {
    case FrameType::hello:
      return take_hello(wire::read_hello(frame.payload));
    case FrameType::opened:
      return tell_host(wire::read_started(frame.payload));
    case FrameType::gone:
      return take_gone(branch, wire::read_ended(frame.payload));
    case FrameType::ping:
      launch_.wire()->outbox().put_latest(FrameType::pong, frame.value);
      if (silence() != std::chrono::nanoseconds::max()) wake_.arm(silence());
      return;
    default:  // data, credit, end
      return branches_->take(frame);
  }
}

void NearTrunk::take_hello(const wire::Hello& hello) {
  const wire::Hello own = wire::own_hello();
  if (hello != own) {
    return fail_launch("handshake", 0,
                       "the agents do not fit together (here " + own.describe() + "; there " +
                           detail::in_one_line(hello.describe()) + "): install the same coproc on both machines");
  }
  phase_ = Phase::running;
  wire::Outbox& outbox = launch_.wire()->outbox();
  branches_.emplace(outbox, door_);
  outbox.put_control(FrameType::welcome, static_cast<std::uint64_t>(request_.silence_ns));
  if (silence() != std::chrono::nanoseconds::max()) wake_.arm(silence());
  const std::string noise = launch_.take_noise();
  launchers_errors_.put(std::as_bytes(std::span(noise)));
  tell_host({.pid = 1});
}

/// The near agent is told if the far one has not ended well.
void NearTrunk::take_gone(std::uint32_t branch, const remote::WorkerEnd& end) {
  const ExitStatus status = remote::status_of(end, {});
  if (status.code() != 0) write_words(last_words_.at(branch), "the agent there " + status.describe());
  branches_->close_out(branch);
  gone_.insert(branch);
}

/// When the near agent has been given everything, nothing is left to be done for it. `forget` comes behind all that was
/// sent of the branch.
void NearTrunk::forget_gone() {
  for (auto at = gone_.begin(); at != gone_.end();) {
    if (!branches_->has_written_all(*at)) {
      ++at;
      continue;
    }
    launch_.wire()->outbox().put_bulk(FrameType::forget, wire::branch_value(*at));
    door_.forget(*at);
    branches_->remove(*at);
    last_words_.erase(*at);
    at = gone_.erase(at);
  }
}

void NearTrunk::move() {
  for (int i = 0; i < kMostMoves && launch_.is_open(); ++i) {
    has_more_ = branches_ && branches_->move();
    if (branches_) forget_gone();
    if (!launch_.flush()) {
      has_more_ = false;  // or it would not sleep until the other direction has ended, too
      launch_.wire()->close_out();
      return read_wire();  // what came before the other side hung up counts
    }
    if (!has_more_ || launch_.wire()->out_if_waiting() >= 0) return;
  }
}

// ---- times and ends ----

std::chrono::nanoseconds NearTrunk::silence() const noexcept {
  const std::chrono::nanoseconds silence(request_.silence_ns);
  return silence > std::chrono::nanoseconds::max() - kAfterTheirs ? std::chrono::nanoseconds::max()
                                                                  : silence + kAfterTheirs;
}

std::chrono::nanoseconds NearTrunk::silence_ends_in() const noexcept {
  if (silence() == std::chrono::nanoseconds::max()) return silence();
  return std::chrono::nanoseconds(std::max<std::int64_t>(hearing_.heard + silence().count() - os::boottime_ns(), 0));
}

/// Whether one of them still has its end of a branch.
bool NearTrunk::has_near_agents() const {
  return std::any_of(last_words_.begin(), last_words_.end(),
                     [&](const auto& each) { return !branches_->has_ended(each.first); });
}

void NearTrunk::check_times() {
  if (phase_ == Phase::launching) {
    if (!control_) {  // the host has given it up
      close(true);
      return launch_.give_up();
    }
    if (!start_deadline_.passed()) return;
    if (launch_.awaits_caller() && launch_.has_marker()) {
      fail_launch("connect", ETIMEDOUT,
                  "the agent there did not connect back in WorkerOptions::start_timeout" + launch_.describe_listener());
    } else {
      fail_launch("handshake", ETIMEDOUT,
                  launch_.has_marker() ? "its machine gave no sign of life in WorkerOptions::start_timeout"
                                       : "its launcher did not start the agent there in WorkerOptions::start_timeout" +
                                             launch_.quoted_noise());
    }
    return launch_.hurry();
  }
  if (phase_ != Phase::running) return;
  if (silence() != std::chrono::nanoseconds::max() && hearing_.listened - hearing_.heard >= silence().count()) {
    lose("nothing has been heard from there for " +
         std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(silence()).count()) +
         " ms (MachineOptions::silence)");
    return launch_.hurry();  // it has lost its network, and would wait for it
  }
  if (control_) return;
  if (last_words_.empty()) return close(false);
  if (!patience_ && !has_near_agents()) patience_.emplace(kToEndThere);
  if (!patience_ || !patience_->passed()) return;
  close(true);
  launch_.give_up();
}

void NearTrunk::look_at_launcher() {
  if (phase_ != Phase::closing || launch_.has_ended() || !launch_.look()) return;
  read_errors();  // its last
  std::string words = launch_.last_words() + launch_.quoted_noise();
  if (refusal_ && names_launchers_end_) refusal_->text += words;
  if (!why_.empty()) words = why_ + "; " + words;
  for (const auto& [branch, fd] : last_words_) {
    if (!gone_.contains(branch)) write_words(fd, words);
  }
  last_words_.clear();
}

void NearTrunk::fail_launch(std::string stage, int error_number, std::string text) {
  if (phase_ == Phase::closing) return;
  refusal_ = {.stage = std::move(stage), .error = error_number, .text = std::move(text)};
  close(true);
}

void NearTrunk::lose(std::string why) {
  if (phase_ == Phase::closing) return;
  why_ = std::move(why);
  close(true);
}

/// All branches end, but for what remains to be said of why. The host makes another trunk.
void NearTrunk::close(bool has_failed) {
  phase_ = Phase::closing;
  branches_.reset();
  if (!refusal_) control_.reset();
  launch_.close(has_failed);
}

}  // namespace coproc::inline v0::agent
