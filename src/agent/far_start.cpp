// How the far agent starts the worker.
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/far.hpp"
#include "coproc/errors.hpp"
#include "os/find_program.hpp"
#include "process/new_program.hpp"

namespace coproc::inline v0::agent {

namespace {

WorkerOptions options_of(const remote::WorkerRequest& request, int output, int error_output) {
  WorkerOptions options;
  options.name = request.name;
  options.start_timeout = std::chrono::nanoseconds(request.start_timeout_ns);
  options.env = request.environment;
  options.working_directory = request.working_directory;
  options.stdin_ = DevNull{};
  options.stdout_ = FileDescriptor{output};
  options.stderr_ = FileDescriptor{error_output};
  options.kill_descendants = request.kills_descendants;
  options.heed_signals_of_others = request.heeds_signals_of_others;
  options.number = request.number;
  options.seed = request.seed;
  options.link.ring_bytes = static_cast<std::size_t>(request.ring_bytes);
  return options;
}

/// The worker's program. Throws StartError.
std::string path_of(const remote::WorkerRequest& request) {
  if (!request.is_executable) return request.program;
  if (auto path = os::find_program(request.program)) return *std::move(path);
  throw StartError("exec", ENOENT,
                   "could not be started: its program \"" + request.program + "\" is not in PATH there: give its path");
}

/// The text without the words that the host puts before it: it knows more of the worker's place.
std::string without_beginning(std::string_view text) {
  constexpr std::string_view kBeginning = "could not be started: ";
  const std::size_t at = text.find(kBeginning);
  text = at == std::string_view::npos ? text : text.substr(at + kBeginning.size());
  return std::string(text.substr(0, remote::kMostTextBytes));
}

}  // namespace

remote::StartAnswer Far::start_worker(const remote::WorkerRequest& request) {
  remote::StartAnswer answer;
  try {
    output_ = std::make_unique<OutputReader>(1, wire_->outbox(), windows_.output_out);
    errors_ = std::make_unique<OutputReader>(2, wire_->outbox(), windows_.output_out);
    const WorkerOptions options = options_of(request, output_->write_fd(), errors_->write_fd());
    auto [own, workers] = link::make_shm_pair(options.link, false);
    const std::array<int, 3> fds = workers->fds_to_hand_over();
    const StartMethod method = request.is_executable ? StartMethod::executable : StartMethod::spawn;
    process::NewProgramStart start(options, {method, false, path_of(request), request.arguments}, request.payload,
                                   {fds.begin(), fds.end()});
    child_ = start.await().child;
    own->forbid_handover();
    if (request.kills_descendants) child_.kill_group_at_end();
    output_->keep_read_end();
    errors_->keep_read_end();
    link_ = std::move(own);
    link_->watch_peer(child_.wait_fd());
    relay_.emplace(*link_, wire_->outbox(), windows_);
    door_.set_max_record(link_->max_record());
    answer.pid = child_.pid();
  } catch (const StartError& error) {
    answer.stage = error.stage();
    answer.error = error.error_number();
    answer.text = without_beginning(error.what());
    if (error.exit_status()) answer.end = remote::end_of(*error.exit_status());
  } catch (const std::exception& error) {
    answer.stage = "setup";
    answer.text = std::string(error.what()).substr(0, remote::kMostTextBytes);
  }
  return answer;
}

}  // namespace coproc::inline v0::agent
