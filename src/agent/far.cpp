#include "agent/far.hpp"

#include <poll.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "coproc/errors.hpp"
#include "os/clock.hpp"
#include "os/poll.hpp"
#include "os/signals.hpp"
#include "process/lifeline.hpp"

namespace coproc::inline v0::agent {

namespace {

using wire::FrameType;

/// How much of the wire is read in one turn, in pieces of the intake's size.
constexpr int kMostFills = 4;
/// A process that has ended and cannot be reaped is held by a tracer: no busy loop until that lets go.
constexpr std::chrono::milliseconds kRest{20};
/// The near agent asks for the worker at once. It says what a silence is only then.
constexpr std::chrono::seconds kToBeAsked{60};
/// For the news that the lease is over: who cannot be told that is not waited for.
constexpr std::chrono::seconds kToTell{1};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

Far::Far(std::unique_ptr<WireStream> wire, std::string program)
    : wire_(std::move(wire)), program_(std::move(program)), wake_(SIGCONT, CLOCK_BOOTTIME) {
  // The signal also interrupts a wait, for which the time in which the machine slept does not count.
  os::set_signal_handler(SIGCONT, [](int, siginfo_t*, void*) {});
}

int Far::run() {
  wire_->outbox().put_control(FrameType::hello, 0, wire::to_payload(wire::own_hello()));
  if (!await_start()) return 1;
  remote::WorkerRequest request = remote::read_worker_request(start_);
  if (!program_.empty() && !request.is_executable) {
    request.program = program_;
    if (!request.arguments.empty()) request.arguments.front() = program_;
  }
  start_ = std::string();
  wake_in(std::chrono::nanoseconds(request.start_timeout_ns));
  const remote::StartAnswer answer = start_worker(request);
  wire_->outbox().put_control(FrameType::started, 0, wire::to_payload(to_bytes(answer)));
  begin_lease(std::chrono::nanoseconds(request.silence_ns));
  if (answer.pid != 0) relay();
  if (has_said_exit_ || answer.pid == 0) {
    linger();
    return 0;
  }
  end_worker();
  if (is_lease_over_) tell_lease_is_over();
  return 1;
}

// ---- the wire ----

/// False: the near agent is gone, or has been silent for too long.
bool Far::await_start() {
  while (is_wire_open_ && !door_.has_start()) {
    if (!wire_->flush()) return false;
    wake_in(kToBeAsked);
    if (!sleep_on_wire(kToBeAsked)) return false;
    read_wire();
  }
  return is_wire_open_;
}

/// False: the time has passed.
bool Far::sleep_on_wire(std::chrono::nanoseconds longest) {
  if (wire_->holds_input()) return true;
  pollfd fds[2] = {{wire_->in(), POLLIN, 0}, {wire_->out_if_waiting(), POLLOUT, 0}};
  return os::poll_once(fds, os::Deadline(longest)) != os::PollEnd::timed_out;
}

/// False: nothing more can come.
bool Far::read_wire() {
  for (int i = 0; i < kMostFills && is_wire_open_; ++i) {
    const bool is_alive = wire_->fill();
    const bool is_full = wire_->intake().is_full();
    auto bytes = wire_->intake().bytes();
    while (const auto frame = door_.next(bytes)) {
      take(*frame);
      if (frame->type == FrameType::start && frame->value == 0) break;  // what follows needs the worker
    }
    wire_->intake().keep(bytes);
    if (!is_alive) is_wire_open_ = false;
    if (!is_full) break;  // nothing more is there
  }
  return is_wire_open_;
}

void Far::take(const wire::Frame& frame) {
  const bool has_link = relay_ && !has_ended_ && !is_broken_;
  switch (frame.type) {
    case FrameType::start:
      start_.append(reinterpret_cast<const char*>(frame.payload.data()), frame.payload.size());
      return;
    case FrameType::records:
      if (has_link) relay_->take_records(frame.payload);  // else there is nobody who would read them
      return;
    case FrameType::overtaking:
      if (has_link) relay_->take_overtaking();
      return;
    case FrameType::close:
      if (has_link) link_->request_close();
      return;
    case FrameType::signal: {
      const remote::SignalOrder order = wire::read_signal(frame.payload);
      const auto value = order.has_value ? std::optional<std::uintptr_t>(order.value) : std::nullopt;
      if (!has_ended_) child_.signal(order.signal, value);
      return;
    }
    case FrameType::pong:
      lease_->renew(frame.value);
      wake_in(lease_->ends_in(os::boottime_ns()));
      return;
    default:  // credit: the door has given it to the window
      return;
  }
}

// ---- the lease ----

void Far::begin_lease(std::chrono::nanoseconds silence) {
  const std::int64_t now = os::boottime_ns();
  lease_.emplace(silence, now);
  wake_in(lease_->ends_in(now));
}

void Far::wake_in(std::chrono::nanoseconds time) noexcept {
  constexpr std::chrono::milliseconds kThenItIsDue{1};
  if (time == std::chrono::nanoseconds::max()) return wake_.disarm();
  wake_.arm(time + kThenItIsDue);
}

/// Call after the wire was read: an answer may have waited in it.
void Far::tend_lease() {
  const std::int64_t now = os::boottime_ns();
  is_lease_over_ = lease_->is_over(now);
  if (is_lease_over_ || !lease_->is_ping_due(now)) return;
  const std::uint64_t number = lease_->ping(now);
  door_.expect_pong(number);
  wire_->outbox().put_latest(FrameType::ping, number);
}

// ---- while the worker lives, and until everything is sent ----

/// Returns when that is so, or if it may not go on before.
void Far::relay() {
  while (!has_said_exit_) {
    turn();
    if (!may_go_on()) return;
    if (!has_said_exit_) sleep();
  }
}

void Far::turn() {
  read_wire();
  tend_lease();
  if (is_lease_over_) return;
  // The order matters: what the worker did before its end is seen by looks after it.
  if (readable_.worker) look_at_worker();
  relay_link();
  if (readable_.output || has_ended_) output_->send();
  if (readable_.errors || has_ended_) errors_->send();
  if (has_ended_ && (is_broken_ || is_sent_) && output_->is_done() && errors_->is_done()) {
    wire_->outbox().put_bulk(FrameType::exit);
    has_said_exit_ = true;
  }
  if (!wire_->flush()) is_wire_open_ = false;
}

void Far::look_at_worker() {
  if (has_ended_ || !child_.is_ended()) return;
  const auto status = child_.try_reap();
  if (!status) return;
  has_ended_ = true;
  output_->finish();
  errors_->finish();
  remote::WorkerEnd end = remote::end_of(*status);
  if (status->signalled()) {
    const auto area = link_->crash_area();
    end.crash_area.assign(reinterpret_cast<const char*>(area.data()), area.size());
  }
  wire_->outbox().put_control(FrameType::ended, 0, wire::to_payload(to_bytes(end)));
}

void Far::relay_link() {
  if (is_broken_) return;
  try {
    if (!has_ended_) relay_->deliver();
    relay_->send();
    is_sent_ = has_ended_ && relay_->has_sent_all();
    if (has_ended_) return;
    relay_->send_close_request();
    tell_stuck();
  } catch (const ProtocolError& error) {
    note_broken(error.what());
  }
}

void Far::note_broken(const std::string& why) {
  is_broken_ = true;
  wire_->outbox().put_bulk(FrameType::broken, 0, bytes_of(std::string_view(why).substr(0, 4096)));
}

void Far::tell_stuck() {
  const bool is_stuck = link_->peer_is_stuck() && relay_->can_move_nothing();
  const wire::Stuck now = relay_->counts();
  if (is_stuck == is_stuck_told_ && (!is_stuck || now == counts_told_)) return;
  if (wire_->outbox().has_control()) return;  // a worker that changes its mind all the time must not fill the memory
  is_stuck_told_ = is_stuck;
  counts_told_ = now;
  wire_->outbox().put_control(FrameType::stuck, is_stuck ? 1 : 0, wire::to_payload(now));
}

/// Whether there is work that no descriptor tells of: once the worker has ended, its link and its output wake nobody.
bool Far::could_send_more() const noexcept {
  if (!has_ended_) return false;
  return (!is_sent_ && !is_broken_ && relay_->wants_records()) || output_->wants_to_send() || errors_->wants_to_send();
}

void Far::sleep() {
  constexpr std::size_t kLink = link::Link::kSleepFds;
  std::array<pollfd, kLink + 5> fds;
  fds.fill({-1, 0, 0});
  const std::span<pollfd, kLink> of_link(fds.data(), kLink);
  const bool uses_link = !has_ended_ && !is_broken_;
  std::chrono::nanoseconds longest = lease_->next_in(os::boottime_ns());
  if (uses_link) longest = std::min(longest, relay_->begin_sleep(of_link, true));
  if (could_send_more() || wire_->holds_input()) longest = std::chrono::nanoseconds::zero();
  fds[kLink] = {wire_->in(), POLLIN, 0};
  fds[kLink + 1] = {wire_->out_if_waiting(), POLLOUT, 0};
  fds[kLink + 2] = {output_->fd_if_wanted(), POLLIN, 0};
  fds[kLink + 3] = {errors_->fd_if_wanted(), POLLIN, 0};
  const int worker_fd = has_ended_ ? -1 : child_.wait_fd();
  fds[kLink + 4] = {worker_fd, POLLIN, 0};
  const bool waits_to_reap = !has_ended_ && readable_.worker && child_.is_ended();
  if (waits_to_reap) {  // what stays ready meanwhile is left out
    longest = std::min<std::chrono::nanoseconds>(longest, kRest);
    for (pollfd& entry : fds) entry.fd = entry.fd == worker_fd ? -1 : entry.fd;
  }
  os::poll_once(fds, os::Deadline(longest));
  readable_ = {.worker = worker_fd < 0 || waits_to_reap || fds[kLink + 4].revents != 0,
               .output = fds[kLink + 2].revents != 0,
               .errors = fds[kLink + 3].revents != 0};
  if (!uses_link) return;
  try {
    (void)link_->end_sleep(of_link);
  } catch (const ProtocolError& error) {
    note_broken(error.what());
  }
}

// ---- the end ----

/// Until the near agent has everything, and has closed the wire; it answers as long as it has not.
void Far::linger() {
  while (may_go_on()) {
    if (!wire_->flush()) return;
    (void)sleep_on_wire(lease_->next_in(os::boottime_ns()));
    read_wire();
    tend_lease();
  }
}

/// The host, or the way to it, is gone. The worker has as long as after its host's end on its own machine: its calls
/// throw HostDiedError. Then the destructor of its Child kills it.
void Far::end_worker() {
  relay_.reset();
  link_.reset();
  pollfd end = {child_.wait_fd(), POLLIN, 0};
  const os::Deadline grace(process::kHostGoneGrace);
  while (!has_ended_ && os::poll_once({&end, 1}, grace) == os::PollEnd::interrupted) {}
}

/// Kills the worker. If it has ended then, the near agent is told so, which may still be listening.
void Far::tell_lease_is_over() {
  if (!has_ended_) {
    child_.kill();
    pollfd end = {child_.wait_fd(), POLLIN, 0};
    while (!child_.is_ended() && !child_.patience().passed()) os::poll_once({&end, 1}, child_.patience());
    if (!child_.is_ended()) return;
    child_ = {};
    has_ended_ = true;
  }
  wire_->outbox().put_bulk(FrameType::lease_over);
  const os::Deadline deadline(kToTell);
  while (is_wire_open_ && wire_->flush() && wire_->out_if_waiting() >= 0 && !deadline.passed()) {
    (void)sleep_on_wire(deadline.remaining());
    read_wire();
  }
  // A socket that is closed with unread input takes back what it has not delivered yet.
  wire_->close_out();
  while (is_wire_open_ && !deadline.passed()) {
    (void)sleep_on_wire(deadline.remaining());
    read_wire();
  }
}

}  // namespace coproc::inline v0::agent
