#include "agent/launch.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "agent/bootstrap.hpp"
#include "agent/pipe_stream.hpp"
#include "coproc/detail/foreign_text.hpp"
#include "os/file.hpp"
#include "os/own_program.hpp"
#include "os/pipe.hpp"
#include "process/code_ref.hpp"
#include "process/start_stage.hpp"
#include "wire/intake.hpp"

namespace coproc::inline v0::agent {

namespace {

constexpr std::size_t kMostNoise = 4096;
/// More than the pipe holds, so that all is read that an ended launcher has printed.
constexpr int kMostReads = 256;
/// For the last words of a trunk, which waits for its launcher in turn (Launcher::begin_end).
constexpr std::chrono::seconds kToSayLastWords{10};

}  // namespace

Launch::Launch(BranchEnd branch)
    : wire_(std::make_unique<PipeStream>(std::move(branch.in), std::move(branch.out))),
      trunks_words_(std::move(branch.last_words)) {}

void Launch::begin() {
  if (request_ == nullptr) return;
  try {
    if (request_->agent_there.empty()) {  // this program is it
      agent_ = Shipment(os::open_file(os::own_program().c_str(), O_RDONLY), process::own_build_id());
      if (agent_.what().build_id.empty()) {
        throw LaunchFailure{"setup", 0,
                            "its near agent has no build id by which it could be kept there: link coproc-agent with "
                            "-Wl,--build-id, or give MachineOptions::agent_there"};
      }
    }
    if (request_->connects_back) listen();
    launcher_ = std::make_unique<Launcher>(command());
    wire_ = std::make_unique<PipeStream>(launcher_->take_output(), launcher_->take_input());
  } catch (const process::StartReport& report) {
    throw LaunchFailure{process::name_of(report.stage), report.error_number, process::describe(report, {})};
  } catch (const std::system_error& error) {
    throw LaunchFailure{"setup", error.code().value(),
                        std::string("its launcher could not be executed: ") + error.what()};
  }
}

/// With the words that start the agent there.
std::vector<std::string> Launch::command() const {
  std::vector<std::string> command = request_->launcher;
  const std::string role = request_->connects_back ? role_ + "-back" : role_;
  const std::vector<std::string> words = request_->agent_there.empty()
                                             ? bootstrap(role, agent_.what(), program_.what())
                                             : std::vector<std::string>{request_->agent_there, role};
  for (const std::string& word : words) command.push_back(request_->uses_shell ? quoted_for_shell(word) : word);
  return command;
}

void Launch::listen() {
  const std::string ports = request_->last_port == 0
                                ? "any port"
                                : "a port from " + std::to_string(request_->first_port) + " to " +
                                      std::to_string(request_->last_port) + " (MachineOptions::ports)";
  const auto fail = [&](int error_number, const char* why) {
    throw LaunchFailure{"connect", error_number,
                        "its near agent cannot listen at " + ports + ", so that no agent can connect back: " + why};
  };
  try {
    listener_ = std::make_unique<Listener>(static_cast<std::uint16_t>(request_->first_port),
                                           static_cast<std::uint16_t>(request_->last_port));
  } catch (const std::system_error& error) {
    fail(error.code().value(), error.what());
  } catch (const TlsError& error) {
    fail(0, error.what());
  }
}

// ---- the wire ----

/// Until the agent there speaks itself, the script that looks for it may ask for files.
bool Launch::take_beginning(std::span<const std::byte>& bytes) {
  while (!has_marker_) {
    switch (wire::take_marker(bytes, noise_)) {
      case wire::Beginning::nothing_yet:
        return false;
      case wire::Beginning::agent:
        has_marker_ = true;
        if (listener_) {
          const std::string ticket = to_bytes(listener_->ticket());
          wire_->outbox().put_raw(std::as_bytes(std::span(ticket)));
        }
        break;
      case wire::Beginning::agent_wanted:
        agent_.begin();
        break;
      case wire::Beginning::program_wanted:
        program_.begin();
        break;
    }
  }
  if (!listener_) return true;
  bytes = bytes.last(0);  // what is printed behind the marker is nobody's
  return false;
}

/// The one that knows the key is the agent there. From then on nobody can connect.
bool Launch::look_for_caller() {
  if (!listener_) return false;
  auto caller = listener_->look();
  if (!caller) return false;
  listener_.reset();
  pipes_ = std::exchange(wire_, std::move(caller));
  has_marker_ = true;
  return true;
}

bool Launch::flush() {
  while (wire_->flush()) {
    const bool is_everything_away = wire_->out_if_waiting() < 0;
    if (!is_everything_away) return true;
    if (pipes_) return true;  // files go through the launcher
    if (!agent_.put_next_piece(wire_->outbox()) && !program_.put_next_piece(wire_->outbox())) return true;
  }
  return false;
}

// ---- the launcher ----

void Launch::read_errors(OutputWriter* to) {
  if (!launcher_) return;
  std::array<char, 4096> bytes;
  for (int i = 0; i < kMostReads && launcher_->error_output(); ++i) {
    const os::Got got = os::read_available(launcher_->error_output(), bytes);
    if (got.is_at_end) launcher_->close_error_output();  // at its end it would stay readable for ever
    if (got.bytes == 0) return;
    const std::span<const char> text(bytes.data(), got.bytes);
    if (to != nullptr) to->put(std::as_bytes(text));
    noise_.append(text.data(), text.size());
    if (noise_.size() > kMostNoise) noise_.erase(0, noise_.size() - kMostNoise);
  }
}

std::string Launch::quoted_noise() const {
  return noise_.empty() ? "" : "; it printed: " + detail::in_lines(noise_, "    ");
}

std::string Launch::describe_listener() const {
  return " to port " + std::to_string(listener_->ticket().port) + " of this machine" + listener_->describe_strangers();
}

// ---- the end ----

void Launch::close(bool has_failed) {
  is_open_ = false;
  listener_.reset();
  if (wire_) wire_->close_out();
  if (pipes_) pipes_->close_out();
  if (launcher_) launcher_->begin_end(has_failed);
  if (trunks_words_) until_.emplace(kToSayLastWords);
}

void Launch::hurry() noexcept {
  if (launcher_) launcher_->hurry();
  is_hurried_ = true;
  if (trunks_words_) until_.emplace(std::chrono::seconds(0));
}

void Launch::give_up() {
  if (!launcher_ || has_ended_) return hurry();
  if (!request_->connects_back) return launcher_->kill_at_once();
  // srun gives its allocation back only if it can end by itself. Once the agent there has connected it does so, since
  // that agent ends; before, it has to be told.
  if (!pipes_) launcher_->hurry();
}

bool Launch::look() {
  if (has_ended_) return true;
  if (request_ == nullptr) return has_ended_ = look_at_trunk();
  if (!launcher_) return has_ended_ = true;
  const auto status = launcher_->look();
  if (!status) return false;
  last_words_ =
      "its launcher " + (launcher_->was_signalled() ? std::string("did not end by itself") : status->describe());
  return has_ended_ = true;
}

/// Whether it has said everything.
bool Launch::look_at_trunk() {
  std::array<char, 4096> bytes;
  while (trunks_words_) {
    const os::Got got = os::read_available(trunks_words_, bytes);
    last_words_.append(bytes.data(), got.bytes);
    if (got.is_at_end) trunks_words_.reset();
    if (got.bytes == 0) break;
  }
  const bool has_ended = !trunks_words_;
  if (!has_ended && !until_->passed()) return false;
  if (last_words_.empty() && has_ended)
    last_words_ = "the near end of its trunk, a process of this machine, says no more";
  if (last_words_.empty() && !is_hurried_) last_words_ = "its trunk hangs";
  return true;
}

void Launch::prepare_poll(std::span<pollfd, kFds> fds, bool reads_errors) const noexcept {
  std::fill(fds.begin(), fds.end(), pollfd{-1, 0, 0});
  if (is_open()) {
    fds[0] = {wire_->in(), POLLIN, 0};
    fds[1] = {wire_->out_if_waiting(), POLLOUT, 0};
  }
  if (launcher_ && !has_ended_) {
    if (reads_errors) fds[2] = {launcher_->error_output().get(), POLLIN, 0};
    if (!is_open_) fds[3] = {launcher_->wait_fd(), POLLIN, 0};
  }
  if (until_ && !has_ended_) fds[3] = {trunks_words_.get(), POLLIN, 0};
  if (listener_) listener_->prepare_poll(fds.last<Listener::kFds>());
}

std::chrono::nanoseconds Launch::look_in() const noexcept {
  std::chrono::nanoseconds longest = std::chrono::nanoseconds::max();
  if (is_open() && wire_->holds_input()) return std::chrono::nanoseconds::zero();
  if (launcher_ && !has_ended_) longest = launcher_->look_in();
  if (until_ && !has_ended_) longest = std::min(longest, until_->remaining());
  if (listener_) longest = std::min(longest, listener_->look_in());
  return longest;
}

}  // namespace coproc::inline v0::agent
