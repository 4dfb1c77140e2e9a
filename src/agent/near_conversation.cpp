// What the near agent hears from the host, the far agent and the launcher.
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include "agent/near.hpp"
#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "os/poll.hpp"
#include "remote/conversation.hpp"

namespace coproc::inline v0::agent {

namespace {

using wire::FrameType;

constexpr std::size_t kMostNoise = 4096;
/// More than the pipe holds, so that all is read that an ended launcher has printed.
constexpr int kMostReads = 256;
/// The host writes its orders whole.
const std::chrono::seconds kOrderTime{5};
/// How long the far agent may take to answer to SIGKILL. It is less than the host waits for the end of a process that
/// it has killed (process::Child::patience).
constexpr std::chrono::seconds kKillTime{8};
/// How much of the wire is read in one turn, in pieces of the intake's size.
constexpr int kMostFills = 4;

bool is_readable(int fd) {
  pollfd entry = {fd, POLLIN, 0};
  return os::poll_once({&entry, 1}, os::Deadline(std::chrono::seconds(0))) == os::PollEnd::ready;
}

}  // namespace

// ---- the host ----

void Near::read_control() {
  while (control_ && is_readable(control_.get())) {
    const auto message = remote::receive_message(control_, os::Deadline(kOrderTime));
    if (!message) {  // the host has ended, or does not want this worker any more
      control_.reset();
      end_.reset();
      refusal_.reset();
      return give_up();
    }
    try {
      take_order(remote::read_signal_order(*message));
    } catch (const DecodeError&) {
      // It is of another version, and has no other way to end the worker than to end this process.
    }
  }
}

void Near::take_order(const remote::SignalOrder& order) {
  const bool is_kill = order.signal == SIGKILL;
  was_killed_ = was_killed_ || is_kill;
  if (phase_ >= Phase::running && (ended_ || end_)) {
    if (is_kill) note_killed_end();
    return;
  }
  if (phase_ == Phase::running) {
    wire_->outbox().put_control(FrameType::signal, 0, wire::to_payload(order));
    if (is_kill && !kill_deadline_) kill_deadline_.emplace(kKillTime);
    return;
  }
  if (!is_kill) return;
  fail_start("handshake", ECANCELED, "it was given up");
  give_up();
}

void Near::tell_host(const std::string& bytes) {
  if (control_) (void)remote::send_message(control_, bytes, {}, os::Deadline(kOrderTime));
}

// ---- the launcher ----

/// While nobody reads what it has printed, the launcher has to wait.
bool Near::reads_errors() const noexcept { return launcher_ && launchers_errors_.is_empty(); }

void Near::read_errors() {
  if (!reads_errors()) return;
  std::array<char, 4096> bytes;
  for (int i = 0; i < kMostReads && launcher_->error_output(); ++i) {
    const os::Got got = os::read_available(launcher_->error_output(), bytes);
    if (got.is_at_end) launcher_->close_error_output();  // at its end it would stay readable for ever
    if (got.bytes == 0) return;
    const std::string_view text(bytes.data(), got.bytes);
    if (phase_ == Phase::running || (phase_ == Phase::closing && !refusal_)) {
      launchers_errors_.put(std::as_bytes(std::span(text)));
    } else {
      noise_ += text;
      if (noise_.size() > kMostNoise) noise_.erase(0, noise_.size() - kMostNoise);
    }
  }
}

std::string Near::quoted_noise() const {
  return noise_.empty() ? "" : "; it printed: " + detail::in_lines(noise_, "    ");
}

// ---- the far agent ----

void Near::read_wire() {
  for (int i = 0; i < kMostFills && wire_ && is_wire_open_; ++i) {
    const std::size_t before = wire_->intake().bytes().size();
    listened_ = os::boottime_ns();
    const bool is_alive = wire_->fill();
    const bool any = wire_->intake().bytes().size() != before;
    try {
      auto bytes = wire_->intake().bytes();
      if (!has_marker_) await_agent(bytes);
      if (has_marker_ && listener_) bytes = bytes.last(0);  // what is printed behind it is nobody's
      while (has_marker_ && is_wire_open_) {
        const auto frame = door_.next(bytes);
        if (!frame) break;
        take(*frame);
      }
      wire_->intake().keep(bytes);
      if (any) heard_ = os::boottime_ns();
    } catch (const wire::BrokenWire& error) {
      const std::string why = std::string("the agent there broke the rules: ") + error.what();
      phase_ < Phase::running ? fail_start("handshake", 0, why) : lose(why);
      return;
    }
    if (!is_alive && is_wire_open_) {
      if (phase_ < Phase::running) {
        names_launchers_end_ = true;
        const bool is_called_back = listener_ && has_marker_;
        fail_start(is_called_back ? "connect" : "handshake", 0,
                   is_called_back ? "the agent there did not connect back" + describe_listener() + ": "
                                  : "the agent there did not start it: ");
      } else {
        lose("the connection ended");
      }
    }
    if (!any) return;
  }
}

/// Until it speaks itself, the script that looks for it may ask for files.
void Near::await_agent(std::span<const std::byte>& bytes) {
  for (;;) {
    switch (wire::take_marker(bytes, noise_)) {
      case wire::Beginning::nothing_yet:
        return;
      case wire::Beginning::agent:
        has_marker_ = true;
        if (listener_) {
          const std::string ticket = to_bytes(listener_->ticket());
          wire_->outbox().put_raw(std::as_bytes(std::span(ticket)));
        }
        return;
      case wire::Beginning::agent_wanted:
        agent_.begin();
        break;
      case wire::Beginning::program_wanted:
        program_.begin();
        break;
    }
  }
}

/// The one that knows the key is the agent there. From then on nobody can connect.
void Near::look_for_caller() {
  if (!listener_) return;
  auto caller = listener_->look();
  if (!caller) return;
  listener_.reset();
  pipes_ = std::exchange(wire_, std::move(caller));
  has_marker_ = true;
  begin_relay();
}

std::string Near::describe_listener() const {
  return " to port " + std::to_string(listener_->ticket().port) + " of this machine" + listener_->describe_strangers();
}

void Near::take(const wire::Frame& frame) {
  switch (frame.type) {
    case FrameType::hello:
      return take_hello(wire::read_hello(frame.payload));
    case FrameType::started:
      return take_answer(wire::read_started(frame.payload));
    case FrameType::records:
      return relay_->take_records(frame.payload);
    case FrameType::overtaking:
      return relay_->take_overtaking();
    case FrameType::broken:
      return relay_->take_broken();
    case FrameType::close:
      if (!is_link_gone_) link_->request_close();
      return;
    case FrameType::stuck:
      far_is_stuck_.reset();
      if (frame.value == 1) far_is_stuck_ = wire::read_stuck(frame.payload);
      return;
    case FrameType::output:
      return (frame.value == 1 ? output_ : errors_).put(frame.payload);
    case FrameType::ended:
      ended_ = wire::read_ended(frame.payload);
      if (was_killed_) note_killed_end();
      return;
    case FrameType::exit:
      end_ = ended_;
      return close_wire(false);
    case FrameType::ping:
      return answer_ping(frame.value);
    case FrameType::lease_over:
      lose(
          "no sign of life from here came through to the agent there in the time of its lease "
          "(MachineOptions::silence), so that it ended the worker",
          Fence::confirmed);
      return launcher_->hurry();
    default:  // credit: the door has given it to the window
      return;
  }
}

void Near::answer_ping(std::uint64_t number) {
  wire_->outbox().put_latest(FrameType::pong, number);
  answered_ = os::boottime_ns();
  if (heeds_silence()) wake_.arm(silence());
}

void Near::take_hello(const wire::Hello& hello) {
  const wire::Hello own = wire::own_hello();
  if (hello == own) return send_start();
  fail_start("handshake", 0,
             "the agents do not fit together (here " + own.describe() + "; there " +
                 detail::in_one_line(hello.describe()) + "): install the same coproc on both machines");
}

void Near::send_start() {
  phase_ = Phase::starting;
  std::span<const std::byte> rest = std::as_bytes(std::span(request_.worker));
  while (!rest.empty()) {
    const auto piece = rest.first(std::min(rest.size(), wire::kMostPayload));
    rest = rest.subspan(piece.size());
    wire_->outbox().put_bulk(FrameType::start, rest.size(), piece);
  }
  door_.expect_answer();
}

void Near::take_answer(const remote::StartAnswer& answer) {
  if (answer.pid == 0) {
    refusal_ = answer;
    return close_wire(false);
  }
  phase_ = Phase::running;
  answered_ = os::boottime_ns();
  if (heeds_silence()) wake_.arm(silence());
  launchers_errors_.put(std::as_bytes(std::span(noise_)));
  noise_.clear();
  tell_host(to_bytes(answer));
}

/// Whether host and worker are blocked in sends with full inboxes, and nothing is on its way that could change that.
bool Near::both_are_stuck() const {
  if (!link_->peer_is_stuck()) return false;
  if (phase_ == Phase::closing) return !relay_->has_delivered_all();  // it sends to nobody, and does not receive
  if (!far_is_stuck_ || !relay_->can_move_nothing()) return false;
  const wire::Stuck here = relay_->counts();
  return far_is_stuck_->received == here.sent && far_is_stuck_->sent == here.received &&
         far_is_stuck_->credit_given == here.credit_taken && far_is_stuck_->credit_taken == here.credit_given;
}

}  // namespace coproc::inline v0::agent
