#include "agent/near.hpp"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "agent/bootstrap.hpp"
#include "agent/pipe_stream.hpp"
#include "coproc/errors.hpp"
#include "os/file.hpp"
#include "os/own_program.hpp"
#include "os/poll.hpp"
#include "process/code_ref.hpp"
#include "process/start_stage.hpp"

namespace coproc::inline v0::agent {

namespace {

/// How long a host that has killed its worker may take nothing of what the worker sent and printed before that is given
/// up.
constexpr std::chrono::seconds kPatience{1};

}  // namespace

Near::Near(remote::NearRequest request, os::Fd control, std::unique_ptr<link::Link> link, os::Fd program)
    : request_(std::move(request)),
      program_(std::move(program), request_.program_build_id),
      control_(std::move(control)),
      link_(std::move(link)),
      start_deadline_(std::chrono::nanoseconds(request_.start_timeout_ns)) {}

int Near::run() {
  begin();
  while (!is_done()) {
    turn();
    if (!is_done()) sleep();
  }
  finish();
  return 0;
}

/// With the words that start the far agent.
std::vector<std::string> Near::launchers_command() const {
  std::vector<std::string> command = request_.launcher;
  const std::string role = request_.connects_back ? "far-back" : "far";
  const std::vector<std::string> words = request_.agent_there.empty()
                                             ? bootstrap(role, agent_.what(), program_.what())
                                             : std::vector<std::string>{request_.agent_there, role};
  for (const std::string& word : words) command.push_back(request_.uses_shell ? quoted_for_shell(word) : word);
  return command;
}

void Near::begin() {
  try {
    if (request_.agent_there.empty()) {  // this program is it
      agent_ = Shipment(os::open_file(os::own_program().c_str(), O_RDONLY), process::own_build_id());
      if (agent_.what().build_id.empty()) {
        return fail_start("setup", 0,
                          "its near agent has no build id by which it could be kept there: link coproc-agent with "
                          "-Wl,--build-id, or give MachineOptions::agent_there");
      }
    }
    if (request_.connects_back && !begin_listening()) return;
    launcher_ = std::make_unique<Launcher>(launchers_command());
    wire_ = std::make_unique<PipeStream>(launcher_->take_output(), launcher_->take_input());
    if (!listener_) begin_relay();
    door_.set_max_record(link_->max_record());
  } catch (const process::StartReport& report) {
    fail_start(process::name_of(report.stage), report.error_number, process::describe(report, {}));
  } catch (const std::system_error& error) {
    fail_start("setup", error.code().value(), std::string("its launcher could not be executed: ") + error.what());
  }
}

/// False: that has failed, and the start with it.
bool Near::begin_listening() {
  const std::string ports = request_.last_port == 0
                                ? "any port"
                                : "a port from " + std::to_string(request_.first_port) + " to " +
                                      std::to_string(request_.last_port) + " (MachineOptions::ports)";
  const auto fail = [&](int error_number, const char* why) {
    fail_start("connect", error_number,
               "its near agent cannot listen at " + ports + ", so that no agent can connect back: " + why);
    return false;
  };
  try {
    listener_ = std::make_unique<Listener>(static_cast<std::uint16_t>(request_.first_port),
                                           static_cast<std::uint16_t>(request_.last_port));
    return true;
  } catch (const std::system_error& error) {
    return fail(error.code().value(), error.what());
  } catch (const TlsError& error) {
    return fail(0, error.what());
  }
}

void Near::begin_relay() { relay_ = std::make_unique<Relay>(*link_, wire_->outbox(), windows_); }

// ---- one turn ----

void Near::turn() {
  read_control();
  read_errors();
  look_for_caller();
  read_wire();
  bool has_moved = false;
  try {
    if (relay_ && !is_link_gone_ && !has_given_up_) {
      has_moved = relay_->deliver();
      if (phase_ == Phase::running && !ended_) {
        relay_->send();
        relay_->send_close_request();
      }
      if (const bool is_stuck = both_are_stuck(); is_stuck != is_stuck_told_) {
        link_->set_stuck(is_stuck_told_ = is_stuck);
      }
    }
  } catch (const ProtocolError& error) {
    is_link_gone_ = true;
    lose(std::string("the host's own link to its near agent is broken: ") + error.what());
  }
  const std::size_t written = output_.flush() + errors_.flush();
  (void)launchers_errors_.flush();
  if (const std::size_t credit = windows_.output_in.pass_on(written); credit != 0 && wire_) {
    wire_->outbox().put_control(wire::FrameType::output_credit, credit);
  }
  if (wire_ && is_wire_open_ && !flush_wire()) {
    wire_->close_out();
    read_wire();  // what came before the other side hung up counts
  }
  if (patience_ && (has_moved || written != 0)) patience_.emplace(kPatience);
  check_times();
  look_at_launcher();
  look_at_fence();
}

/// False: nothing more can go.
bool Near::flush_wire() {
  while (wire_->flush()) {
    const bool is_everything_away = wire_->out_if_waiting() < 0;
    if (!is_everything_away) return true;
    if (pipes_) return true;  // files go through the launcher
    if (!agent_.put_next_piece(wire_->outbox()) && !program_.put_next_piece(wire_->outbox())) return true;
  }
  return false;
}

void Near::sleep() {
  constexpr std::size_t kLink = link::Link::kSleepFds;
  constexpr std::size_t kOwn = kLink + 10;
  std::array<pollfd, kOwn + Listener::kFds> fds;
  fds.fill({-1, 0, 0});
  const std::span<pollfd, kLink> of_link(fds.data(), kLink);
  const bool is_relaying = relay_ && !is_link_gone_ && !has_given_up_;
  std::chrono::nanoseconds longest = std::chrono::nanoseconds::max();
  if (is_relaying) {
    const bool wants_records = phase_ == Phase::running && !ended_ && relay_->wants_records();
    longest = link_->begin_sleep(of_link, wants_records, relay_->room_wanted());
  }
  fds[kLink] = {control_.get(), POLLIN, 0};
  if (wire_ && is_wire_open_) {
    fds[kLink + 1] = {wire_->in(), POLLIN, 0};
    fds[kLink + 2] = {wire_->out_if_waiting(), POLLOUT, 0};
    if (wire_->holds_input()) longest = std::chrono::nanoseconds::zero();
  }
  fds[kLink + 3] = {output_.fd_if_waiting(), POLLOUT, 0};
  fds[kLink + 4] = {errors_.fd_if_waiting(), POLLOUT, 0};
  if (launcher_ && !launchers_end_) {
    if (reads_errors()) fds[kLink + 5] = {launcher_->error_output().get(), POLLIN, 0};
    if (phase_ == Phase::closing) fds[kLink + 6] = {launcher_->wait_fd(), POLLIN, 0};
    longest = std::min(longest, launcher_->look_in());
  }
  fds[kLink + 7] = {launchers_errors_.fd_if_waiting(), POLLOUT, 0};
  if (fence_ && !fence_->has_told()) {
    fds[kLink + 8] = {fence_->wait_fd(), POLLIN, 0};
    fds[kLink + 9] = {fence_->output_fd(), POLLIN, 0};
    longest = std::min(longest, fence_->look_in());
  }
  if (phase_ < Phase::running) longest = std::min(longest, start_deadline_.remaining());
  if (kill_deadline_) longest = std::min(longest, kill_deadline_->remaining());
  if (phase_ == Phase::running) longest = std::min(longest, silence_ends_in());
  if (patience_) longest = std::min(longest, patience_->remaining());
  if (listener_) {
    listener_->prepare_poll(std::span(fds).last<Listener::kFds>());
    longest = std::min(longest, listener_->look_in());
  }
  os::poll_once(std::span(fds).first(listener_ ? fds.size() : kOwn), os::Deadline(longest));
  if (is_relaying && link_->end_sleep(of_link) == link::WaitEnd::peer_gone) is_link_gone_ = true;
}

void Near::check_times() {
  if (phase_ < Phase::running && start_deadline_.passed()) {
    names_launchers_end_ = false;
    if (listener_ && has_marker_) {
      fail_start("connect", ETIMEDOUT,
                 "the agent there did not connect back in WorkerOptions::start_timeout" + describe_listener());
    } else {
      fail_start("handshake", ETIMEDOUT,
                 has_marker_
                     ? "its machine gave no sign of life in WorkerOptions::start_timeout"
                     : "its launcher did not start the agent there in WorkerOptions::start_timeout" + quoted_noise());
    }
    if (launcher_) launcher_->hurry();
  }
  if (kill_deadline_ && kill_deadline_->passed()) {
    kill_deadline_.reset();
    lose("the agent there did not answer when it was to kill the worker");
  }
  check_silence();
  if (patience_ && patience_->passed()) {
    patience_.reset();
    if (!end_) end_ = ended_;
    give_up();
  }
}

std::chrono::nanoseconds Near::silence_ends_in() const noexcept {
  if (!heeds_silence()) return silence();
  return std::chrono::nanoseconds(std::max<std::int64_t>(heard_ + silence().count() - os::boottime_ns(), 0));
}

/// What counts is when it listened in vain, so that a time in which it did not run itself is no silence.
void Near::check_silence() {
  if (phase_ != Phase::running || !heeds_silence() || listened_ - heard_ < silence().count()) return;
  lose("nothing has been heard from there for " +
       std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(silence()).count()) +
       " ms (MachineOptions::silence)");
  launcher_->hurry();  // it has lost its network, and would wait for it
}

/// The far agent's lease began with a ping that came before it was answered, and is shorter than the silence.
Fence Near::fence_of_lost_worker() const noexcept {
  if (ended_) return Fence::confirmed;
  return heeds_silence() && os::boottime_ns() - answered_ >= silence().count() ? Fence::by_lease : Fence::no;
}

void Near::look_at_launcher() {
  if (!launcher_ || launchers_end_ || phase_ != Phase::closing) return;
  launchers_end_ = launcher_->look();
  if (!launchers_end_) return;
  read_errors();  // its last
  if (!names_launchers_end_) return;
  const std::string words = "its launcher " + (launcher_->was_signalled() ? std::string("did not end by itself")
                                                                          : launchers_end_->describe());
  if (refusal_) refusal_->text += words + quoted_noise();
  if (end_ && end_->how == remote::WorkerEnd::How::lost) end_->text += "; " + words;
}

/// Nobody is told of a loss before this has ended: who starts the worker anew then does not have it twice.
void Near::look_at_fence() {
  if (!fence_) return;
  const auto outcome = fence_->look();
  if (!outcome || !end_) return;
  end_->text += "; " + outcome->text;
  if (outcome->has_succeeded) end_->value = remote::value_of(Fence::confirmed);
}

// ---- ends ----

bool Near::is_done() {
  if (phase_ != Phase::closing || (launcher_ && !launchers_end_) || (fence_ && !fence_->has_told())) return false;
  const bool is_delivered = !relay_ || is_link_gone_ || relay_->has_delivered_all();
  return has_given_up_ || (is_delivered && output_.is_empty() && errors_.is_empty() && launchers_errors_.is_empty());
}

void Near::finish() {
  if (refusal_) return tell_host(to_bytes(*refusal_));
  if (!end_) return;  // the host is gone
  if (!end_->crash_area.empty()) {
    const auto area = link_->crash_area();
    std::memcpy(area.data(), end_->crash_area.data(), std::min(area.size(), end_->crash_area.size()));
    end_->crash_area.clear();
  }
  tell_host(to_bytes(*end_));
}

void Near::close_wire(bool has_failed) {
  phase_ = Phase::closing;
  is_wire_open_ = false;
  kill_deadline_.reset();
  if (heeds_silence()) wake_.arm(silence());
  listener_.reset();
  if (wire_) wire_->close_out();
  if (pipes_) pipes_->close_out();
  if (launcher_) launcher_->begin_end(has_failed);
}

void Near::fail_start(std::string stage, int error_number, std::string text) {
  if (phase_ == Phase::closing) return;
  refusal_.emplace();
  refusal_->stage = std::move(stage);
  refusal_->error = error_number;
  refusal_->text = std::move(text);
  close_wire(true);
}

void Near::lose(std::string why) { lose(std::move(why), fence_of_lost_worker()); }

void Near::lose(std::string why, Fence fence) {
  if (phase_ == Phase::closing) return;
  end_.emplace();
  end_->how = remote::WorkerEnd::How::lost;
  end_->value = remote::value_of(fence);
  end_->text = std::move(why);
  names_launchers_end_ = true;
  close_wire(true);
  if (fence == Fence::confirmed || request_.fence.empty()) return;
  fence_.emplace(request_.fence, std::chrono::nanoseconds(request_.fence_time_ns));
}

/// The worker has ended, and its host has killed it.
void Near::note_killed_end() {
  kill_deadline_.reset();
  if (!patience_) patience_.emplace(kPatience);
}

/// Nothing that still waits is waited for.
void Near::give_up() {
  has_given_up_ = true;
  output_.drop();
  errors_.drop();
  launchers_errors_.drop();
  if (phase_ != Phase::closing) close_wire(true);
  if (!launcher_ || launchers_end_) return;
  if (!request_.connects_back) return launcher_->kill_at_once();
  // srun gives its allocation back only if it can end by itself. Once the agent there has connected it does so, since
  // that agent ends; before, it has to be told.
  if (!pipes_) launcher_->hurry();
}

}  // namespace coproc::inline v0::agent
