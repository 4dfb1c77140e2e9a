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
    launch_.wire()->outbox().put_control(FrameType::signal, 0, wire::to_payload(order));
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

void Near::read_errors() {
  if (!reads_errors()) return;
  const bool is_passed_on = phase_ == Phase::running || (phase_ == Phase::closing && !refusal_);
  launch_.read_errors(is_passed_on ? &launchers_errors_ : nullptr);
}

// ---- the far agent ----

void Near::read_wire() {
  for (int i = 0; i < kMostFills && launch_.is_open(); ++i) {
    WireLook look{};
    try {
      look = read_frames(launch_, door_, hearing_, [&](const wire::Frame& frame) { take(frame); });
    } catch (const wire::BrokenWire& error) {
      const std::string why = std::string("the agent there broke the rules: ") + error.what();
      phase_ < Phase::running ? fail_start("handshake", 0, why) : lose(why);
      return;
    }
    if (!look.is_alive && launch_.is_open()) {
      if (phase_ < Phase::running) {
        names_launchers_end_ = true;
        const bool is_called_back = launch_.awaits_caller() && launch_.has_marker();
        fail_start(is_called_back ? "connect" : "handshake", 0,
                   is_called_back ? "the agent there did not connect back" + launch_.describe_listener() + ": "
                                  : "the agent there did not start it: ");
      } else {
        lose("the connection ended");
      }
    }
    if (!look.is_full) return;  // nothing more is there
  }
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
      return launch_.hurry();
    default:  // credit: the door has given it to the window
      return;
  }
}

void Near::answer_ping(std::uint64_t number) {
  launch_.wire()->outbox().put_latest(FrameType::pong, number);
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
    launch_.wire()->outbox().put_bulk(FrameType::start, rest.size(), piece);
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
  const std::string noise = launch_.take_noise();
  launchers_errors_.put(std::as_bytes(std::span(noise)));
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
