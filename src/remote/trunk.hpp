// One launch for all workers of a pool on one machine, as the host holds it.
//
// The near end of a trunk is a child of the host: a coproc-agent, which executes the launcher. For each worker the host
// makes a branch, three pipes between the trunk and the worker's near agent, and the far end of the trunk executes a
// far agent. Near and far agent then talk through their branch as if it were a launcher's stdin and stdout.
//
//   host --- near agent 1 == branch == \                            / == far agent 1 --- worker 1
//     |----- near agent 2 == branch == near trunk --- wire --- far trunk == far agent 2 --- worker 2
//     |----------------------------------|
//
// Thread safety: any thread. Starts through the same trunk wait for each other.
// Invariants: a trunk that was lost is given no more branches: the next start makes another launch. A near end ends by
// itself when the host has closed its socket, and none of its branches is left.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "coproc/options.hpp"
#include "os/clock.hpp"
#include "os/fd.hpp"
#include "os/fork_guard.hpp"
#include "os/mutex.hpp"
#include "os/pipe.hpp"
#include "process/child.hpp"
#include "remote/remote_life.hpp"

namespace coproc::inline v0::remote {

/// The program that is to run there.
struct RemoteProgram {
  bool is_executable = false;          // of type Executable; else this program
  std::string path;                    // there
  std::vector<std::string> arguments;  // with argv[0], unless it is an executable
  std::string build_id = {};           // empty: it is there; else it is to be sent there
  os::Fd file = {};                    // then
};

/// The pipes of a branch, until both sides have their ends.
class BranchPipes final : public os::ForkSensitive {
 public:
  /// Throws std::system_error.
  BranchPipes() : BranchPipes(os::ForkLock()) {}

  /// The near agent reads from the first one and writes into the second. The third one tells it why the trunk ended.
  std::array<int, 3> near_ends() const noexcept {
    return {from_far_.read_end.get(), to_far_.write_end.get(), last_words_.read_end.get()};
  }
  std::array<int, 3> trunks_ends() const noexcept {
    return {to_far_.read_end.get(), from_far_.write_end.get(), last_words_.write_end.get()};
  }
  void keep_near_ends() noexcept;

 private:
  explicit BranchPipes(const os::ForkLock&)
      : to_far_(os::Pipe::create()), from_far_(os::Pipe::create()), last_words_(os::Pipe::create()) {}
  void leave_in_child() noexcept override;

  os::Pipe to_far_, from_far_, last_words_;
  os::ForkRegistration registration_{*this};
};

class Trunk {
 public:
  Trunk() = default;
  Trunk(const Trunk&) = delete;
  Trunk& operator=(const Trunk&) = delete;
  /// As close(). Does nothing in a process that was forked from the owner.
  ~Trunk();

  /// Whether there is no launch that is under way or was successful.
  bool has_to_be_launched();
  /// Launches, unless that was done before, and does not wait for it. Throws process::StartReport, std::system_error.
  /// REQUIRES: options.machine, the same each time.
  void begin(const WorkerOptions& options, const RemoteProgram& program);
  /// A new branch, whose far agent was executed. Waits for the launch, and launches anew if the trunk was lost. Throws
  /// StartError, process::StartReport, std::system_error.
  std::unique_ptr<BranchPipes> open(const WorkerOptions& options, const RemoteProgram& program,
                                    const os::Deadline& deadline);
  /// No more branches are opened. The near end ends by itself when its workers have ended.
  void let_go() noexcept;
  /// The same. Call when its workers have ended. Waits until near end and launcher have ended, which it ends if
  /// they do not in their time.
  void close() noexcept;

 private:
  struct Near {
    process::Child agent;
    std::unique_ptr<AgentSocket> socket;
    bool is_up = false;
  };

  void launch(const WorkerOptions& options, const RemoteProgram& program) COPROC_REQUIRES(mutex_);
  void await_launch(const WorkerOptions& options, const os::Deadline& deadline) COPROC_REQUIRES(mutex_);
  void retire() noexcept COPROC_REQUIRES(mutex_);

  const unsigned long owner_ = os::fork_generation();
  os::Mutex mutex_;
  std::unique_ptr<Near> near_ COPROC_GUARDED_BY(mutex_);          // null: there is none, or it was lost
  std::vector<process::Child> former_ COPROC_GUARDED_BY(mutex_);  // near ends that end by themselves
};

}  // namespace coproc::inline v0::remote
