// What host and worker tell each other between the fork and the first line of the worker's own code.
//
//   host    "I have your pidfd"            one byte: until then the worker does not end, so that its pid stays its own
//   worker  "started" or a stage and errno one StartReport
//
// Thread safety: one thread on each side.
// Invariants: no other child of the host holds either end (os/fork_guard.hpp): an end of file is the peer's end.
#pragma once

#include <cstdint>
#include <optional>

#include "os/fork_guard.hpp"
#include "os/socket_pair.hpp"

namespace coproc::inline v0::process {

/// The stages of a start, in the order in which they come.
enum class StartStage : std::int32_t {
  started,
  lifeline,
  fork,
  pidfd,
  standard_input,
  standard_output,
  standard_error,
  environment,
  working_directory,
  keep_fds,
  setup,
};
/// As StartError::stage() gives it: "fork", "stdin", "working_directory", ...
const char* name_of(StartStage stage) noexcept;

struct StartReport {
  StartStage stage = StartStage::setup;
  std::int32_t error_number = 0;
};

class StartChannel final : public os::ForkSensitive {
 public:
  /// Throws std::system_error.
  StartChannel() : StartChannel(os::ForkLock()) {}

  // The host's side, after the fork.
  void become_host() noexcept { ends_.second.reset(); }
  bool let_go() noexcept;
  int host_fd() const noexcept { return ends_.first.get(); }
  /// Nothing: the worker ended without a word. Waits for what has begun to come.
  std::optional<StartReport> receive() noexcept;

  // The worker's side.
  void become_worker() noexcept { ends_.first.reset(); }
  /// Waits for let_go() first. False: the host is gone or gave up; there is nobody to work for.
  bool report(StartReport report) noexcept;

 private:
  explicit StartChannel(const os::ForkLock&) : ends_(os::SocketPair::create()) {}
  void leave_in_child() noexcept override;
  void list_fds(std::vector<int>& fds) const override;

  os::SocketPair ends_;  // the host's, the worker's
  os::ForkRegistration registration_{*this};
};

}  // namespace coproc::inline v0::process
