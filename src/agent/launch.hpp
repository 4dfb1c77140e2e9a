// The way from this machine to the agent there, as the near side holds it: a launcher of its own, with which it is
// asked for files and perhaps called back, or a branch of a trunk, which was launched before.
//
// Thread safety: one thread at a time.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/launcher.hpp"
#include "agent/listener.hpp"
#include "agent/output_writer.hpp"
#include "agent/shipment.hpp"
#include "agent/wire_stream.hpp"
#include "os/clock.hpp"
#include "os/fd.hpp"
#include "remote/messages.hpp"

namespace coproc::inline v0::agent {

/// The launch is impossible: what remote::StartAnswer says of it.
struct LaunchFailure {
  std::string stage;
  int error_number = 0;
  std::string text;
};

/// The descriptors of a branch, as remote::Trunk hands them over: of its wire, and of what its trunk says at its end.
struct BranchEnd {
  os::Fd in, out, last_words;
};

class Launch {
 public:
  static constexpr std::size_t kFds = 4 + Listener::kFds;

  /// By a launcher. The agent there is executed in this role: "far". `program` is the worker's program, if it is to be
  /// sent there. `request` outlives this object.
  Launch(const remote::LaunchRequest& request, std::string role, os::Fd program)
      : request_(&request), role_(std::move(role)), program_(std::move(program), request.program_build_id) {}
  /// By a trunk.
  explicit Launch(BranchEnd branch);

  /// Executes the launcher. Throws LaunchFailure.
  void begin();

  // ---- the wire ----

  /// Null: there is none, since the launcher could not be executed. It is another one when look_for_caller() has
  /// returned true.
  WireStream* wire() noexcept { return wire_.get(); }
  bool is_open() const noexcept { return wire_ && is_open_; }
  /// Whether the wire is that of the agent there: it is not before that has called back, if it is to do so.
  bool is_connected() const noexcept { return wire_ && !listener_; }
  /// Whether the agent there has begun to speak.
  bool has_marker() const noexcept { return has_marker_; }
  /// Takes off the bytes what is no frame. False: none can follow yet. Throws wire::BrokenWire.
  bool take_beginning(std::span<const std::byte>& bytes);
  /// Whether the agent there has called back since the last call.
  bool look_for_caller();
  /// Writes what can be, and the files that were asked for. False: nothing more can go.
  bool flush();

  // ---- the launcher ----

  /// Reads what it has printed, which goes to `to`, if that is given. The last of it is kept for errors.
  void read_errors(OutputWriter* to);
  /// "; it printed: ..." or nothing.
  std::string quoted_noise() const;
  /// What was kept is moved.
  std::string take_noise() noexcept { return std::exchange(noise_, {}); }
  /// " to port 1234 of this machine; 2 others came to its port, ..."
  std::string describe_listener() const;
  bool awaits_caller() const noexcept { return listener_ != nullptr; }

  // ---- the end ----

  /// Closes the wire, and gives the launcher some time to end by itself. `has_failed`: what is left of its group is
  /// ended, too.
  void close(bool has_failed);
  /// It is not waited for, but ended.
  void hurry() noexcept;
  /// The same without delay, where that does no harm.
  void give_up();
  /// Call after close(). Returns whether it has ended.
  bool look();
  bool has_ended() const noexcept { return has_ended_; }
  /// "its launcher exited with code 1"; of a branch what its trunk has said, or nothing. REQUIRES: has_ended().
  const std::string& last_words() const noexcept { return last_words_; }

  /// What to poll for; the errors only if they are to be read.
  void prepare_poll(std::span<pollfd, kFds> fds, bool reads_errors) const noexcept;
  /// Whether a poll of these found that the launcher has printed something.
  static bool has_errors(std::span<const pollfd, kFds> fds) noexcept { return fds[2].revents != 0; }
  /// When to look again.
  std::chrono::nanoseconds look_in() const noexcept;

 private:
  std::vector<std::string> command() const;
  void listen();
  bool look_at_trunk();

  const remote::LaunchRequest* request_ = nullptr;  // null: by a trunk
  std::string role_;
  Shipment agent_, program_;            // what is sent there if it is asked for
  std::unique_ptr<Launcher> launcher_;  // null: it could not be executed, or there is none
  std::unique_ptr<Listener> listener_;  // until the agent there has called back, if it is to do so
  std::unique_ptr<WireStream> wire_;
  std::unique_ptr<WireStream> pipes_;  // the launcher's, once they are not the wire any more
  os::Fd trunks_words_;                // until its end
  std::optional<os::Deadline> until_;  // for these
  bool has_marker_ = false;
  bool is_open_ = true;
  bool has_ended_ = false;
  bool is_hurried_ = false;
  std::string noise_;  // the last of what was printed
  std::string last_words_;
};

}  // namespace coproc::inline v0::agent
