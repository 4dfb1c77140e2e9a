// The far end of a trunk: executes a far agent for each branch, as a launcher would, with the branch as its stdin and
// stdout.
//
// It ends when its wire ends, or when nothing was heard from the near end for too long. Then the far agents see the end
// of their stdin, and end their workers as if a launcher had ended.
//
// Thread safety: one thread.
// Invariants: `gone` is sent when the far agent was reaped, and all that it wrote has been sent.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/branches.hpp"
#include "agent/lease.hpp"
#include "agent/wire_stream.hpp"
#include "os/fd.hpp"
#include "os/signal_timer.hpp"
#include "process/child.hpp"
#include "remote/messages.hpp"
#include "wire/trunk_door.hpp"

namespace coproc::inline v0::agent {

class FarTrunk {
 public:
  /// `program` is that of the workers, if it was sent here; else it is empty. Throws std::system_error.
  FarTrunk(std::unique_ptr<WireStream> wire, std::string program);
  /// Returns the exit code of the process.
  int run();

 private:
  void read_wire();
  void take(const wire::Frame& frame);
  remote::StartAnswer open(std::uint32_t branch);
  bool look_at_agents();
  void move();
  void arm_wake() noexcept;
  void tend_lease();
  void sleep();
  void end_agents();

  /// The far agent of a branch.
  struct Agent {
    process::Child child;  // none: it could not be executed
    std::optional<remote::WorkerEnd> end;
    bool is_told = false;  // by `gone`
  };

  std::unique_ptr<WireStream> wire_;
  const std::string program_;
  const os::Fd errors_;  // the stderr of all of them
  wire::TrunkDoor door_{wire::Side::far};
  Branches branches_{wire_->outbox(), door_};
  std::map<std::uint32_t, Agent> agents_;
  os::SignalTimer wake_;  // lets this process go on if it has been stopped
  std::optional<Lease> lease_;
  bool is_lease_over_ = false;
  bool is_wire_open_ = true;
  bool has_more_ = false;  // the branches have more to send than was taken
};

}  // namespace coproc::inline v0::agent
