#include "agent/near.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "coproc/errors.hpp"
#include "os/poll.hpp"

namespace coproc::inline v0::agent {

namespace {

/// How long a host that has killed its worker may take nothing of what the worker sent and printed before that is given
/// up.
constexpr std::chrono::seconds kPatience{1};

}  // namespace

Near::Near(remote::NearRequest request, os::Fd control, std::unique_ptr<link::Link> link, os::Fd program,
           BranchEnd branch)
    : request_(std::move(request)),
      control_(std::move(control)),
      link_(std::move(link)),
      launch_(request_.is_on_trunk ? Launch(std::move(branch)) : Launch(request_.launch, "far", std::move(program))),
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

void Near::begin() {
  try {
    launch_.begin();
    if (launch_.is_connected()) begin_relay();
    door_.set_max_record(link_->max_record());
  } catch (LaunchFailure& failure) {
    fail_start(std::move(failure.stage), failure.error_number, std::move(failure.text));
  }
}

void Near::begin_relay() { relay_ = std::make_unique<Relay>(*link_, launch_.wire()->outbox(), windows_); }

// ---- one turn ----

void Near::turn() {
  if (readable_.control) read_control();
  if (readable_.errors) read_errors();
  if (launch_.look_for_caller()) begin_relay();
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
  if (const std::size_t credit = windows_.output_in.pass_on(written); credit != 0 && launch_.wire()) {
    launch_.wire()->outbox().put_control(wire::FrameType::output_credit, credit);
  }
  if (launch_.is_open() && !launch_.flush()) {
    launch_.wire()->close_out();
    read_wire();  // what came before the other side hung up counts
  }
  if (patience_ && (has_moved || written != 0)) patience_.emplace(kPatience);
  check_times();
  look_at_launcher();
  look_at_fence();
}

void Near::sleep() {
  constexpr std::size_t kLink = link::Link::kSleepFds;
  constexpr std::size_t kOwn = kLink + 6;
  std::array<pollfd, kOwn + Launch::kFds> fds;
  fds.fill({-1, 0, 0});
  const std::span<pollfd, kLink> of_link(fds.data(), kLink);
  const bool is_relaying = relay_ && !is_link_gone_ && !has_given_up_;
  std::chrono::nanoseconds longest = std::chrono::nanoseconds::max();
  if (is_relaying) longest = relay_->begin_sleep(of_link, phase_ == Phase::running && !ended_);
  fds[kLink] = {control_.get(), POLLIN, 0};
  fds[kLink + 1] = {output_.fd_if_waiting(), POLLOUT, 0};
  fds[kLink + 2] = {errors_.fd_if_waiting(), POLLOUT, 0};
  fds[kLink + 3] = {launchers_errors_.fd_if_waiting(), POLLOUT, 0};
  const std::span<pollfd, Launch::kFds> launch_fds = std::span(fds).last<Launch::kFds>();
  launch_.prepare_poll(launch_fds, reads_errors());
  longest = std::min(longest, launch_.look_in());
  if (fence_ && !fence_->has_told()) {
    fds[kLink + 4] = {fence_->wait_fd(), POLLIN, 0};
    fds[kLink + 5] = {fence_->output_fd(), POLLIN, 0};
    longest = std::min(longest, fence_->look_in());
  }
  if (phase_ < Phase::running) longest = std::min(longest, start_deadline_.remaining());
  if (kill_deadline_) longest = std::min(longest, kill_deadline_->remaining());
  if (phase_ == Phase::running) longest = std::min(longest, silence_ends_in());
  if (patience_) longest = std::min(longest, patience_->remaining());
  const std::size_t used = launch_.awaits_caller() ? fds.size() : fds.size() - Listener::kFds;
  os::poll_once(std::span(fds).first(used), os::Deadline(longest));
  readable_ = {fds[kLink].revents != 0, launch_.has_errors(launch_fds)};
  if (is_relaying && link_->end_sleep(of_link) == link::WaitEnd::peer_gone) is_link_gone_ = true;
}

void Near::check_times() {
  if (phase_ < Phase::running && start_deadline_.passed()) {
    names_launchers_end_ = false;
    if (launch_.awaits_caller() && launch_.has_marker()) {
      fail_start("connect", ETIMEDOUT,
                 "the agent there did not connect back in WorkerOptions::start_timeout" + launch_.describe_listener());
    } else {
      fail_start("handshake", ETIMEDOUT,
                 launch_.has_marker() ? "its machine gave no sign of life in WorkerOptions::start_timeout"
                                      : "its launcher did not start the agent there in WorkerOptions::start_timeout" +
                                            launch_.quoted_noise());
    }
    launch_.hurry();
  }
  if (kill_deadline_ && kill_deadline_->passed()) {
    kill_deadline_.reset();
    lose("the agent there did not answer when it was to kill the worker");
    launch_.hurry();  // the host waits for hardly longer
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
  return std::chrono::nanoseconds(std::max<std::int64_t>(hearing_.heard + silence().count() - os::boottime_ns(), 0));
}

/// What counts is when it listened in vain, so that a time in which it did not run itself is no silence.
void Near::check_silence() {
  if (phase_ != Phase::running || !heeds_silence() || hearing_.listened - hearing_.heard < silence().count()) return;
  lose("nothing has been heard from there for " +
       std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(silence()).count()) +
       " ms (MachineOptions::silence)");
  launch_.hurry();  // it has lost its network, and would wait for it
}

/// The far agent's lease began with a ping that came before it was answered, and is shorter than the silence.
Fence Near::fence_of_lost_worker() const noexcept {
  if (ended_) return Fence::confirmed;
  return heeds_silence() && os::boottime_ns() - answered_ >= silence().count() ? Fence::by_lease : Fence::no;
}

void Near::look_at_launcher() {
  if (phase_ != Phase::closing || launch_.has_ended() || !launch_.look()) return;
  read_errors();  // its last
  const std::string& words = launch_.last_words();
  if (!names_launchers_end_ || words.empty()) return;
  if (refusal_) refusal_->text += words + launch_.quoted_noise();
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
  if (phase_ != Phase::closing || !launch_.has_ended() || (fence_ && !fence_->has_told())) return false;
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
  kill_deadline_.reset();
  if (heeds_silence()) wake_.arm(silence());
  launch_.close(has_failed);
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
  launch_.give_up();
}

}  // namespace coproc::inline v0::agent
