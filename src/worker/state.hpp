// The state behind a Worker: its options, its messenger, and its runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "census/roll.hpp"
#include "census/worker.hpp"
#include "coproc/worker.hpp"
#include "link/link.hpp"
#include "messenger/core.hpp"
#include "os/file.hpp"
#include "os/own_control_group.hpp"
#include "process/child.hpp"
#include "process/lifeline.hpp"
#include "process/new_program.hpp"
#include "process/stderr_tail.hpp"
#include "trace/followed.hpp"
#include "worker/access.hpp"

namespace coproc::inline v0 {

namespace remote {
class Trunk;
}

/// One start of a worker: its process, and how that ended. It is shared, so that a call in one thread keeps its run
/// when another thread starts the next one.
struct Run {
  process::Child child;
  std::shared_ptr<process::StderrTail> stderr_tail;  // null: not captured; constant after the start
  detail::Core* core = nullptr;                      // owned by the messenger; valid until the next start
  std::span<const std::byte> crash_area;             // in the core's link
  std::string program;                               // an executable's path; empty: this program
  std::size_t most_last_events = 1024;               // in ExitStatus; constant after the start
  std::string start_note;                            // ExitStatus::start_note; constant after the start
  Confinement confinement;                           // constant after the start
  std::unique_ptr<os::OwnControlGroup> group;        // null: it is in its host's, or has ended; guarded by `mutex`
  std::optional<os::FileIdentity> program_identity;  // of an executable, as it was at the start
  std::mutex asking;                                 // held by stack(); taken before `mutex`
  std::uint32_t last_request = 0;                    // of stack(); guarded by `asking`
  std::mutex mutex;                                  // guards what follows, and `core`
  bool is_stack_read = false;
  bool are_events_read = false;
  trace::Followed followed;  // of the core's link
  std::optional<ExitStatus> status;
  std::optional<Hang> hung;             // why it is being ended
  std::vector<std::string> hung_stack;  // where its first thread was then

  /// Whether all that the worker sent has arrived. A process on this machine writes into the link's memory itself, so
  /// that its end completes the link, too; a process elsewhere could end before its last messages are here.
  bool is_link_complete() const noexcept { return child.is_ended(); }
};

/// Throws the WorkerDiedError of a run whose process has ended.
[[noreturn]] void throw_died(Run& run, const std::string& name);

/// A new link, for a process that does not exist yet.
struct NewLink {
  std::shared_ptr<Run> run;
  std::unique_ptr<detail::Core> core;
  std::unique_ptr<link::Link> worker_end;
};
/// Makes a link. Throws std::system_error, InvalidArgumentError.
NewLink make_link(const WorkerOptions& worker, bool reorders);
/// If `capture_stderr` is set, the worker's stderr goes into a pipe of the host, which waits for the link read, too.
void capture_stderr_if_wanted(WorkerOptions& options, Run& run, link::Link& host_link);

struct Worker::State final : census::WorkerSource {
  WorkerOptions options;
  std::shared_ptr<Messenger> messenger;
  bool reorders;
  std::atomic<long> starter{-1};  // the fork_generation() of the process that called start() last; -1: none did
  mutable std::mutex mutex;       // guards `run`
  std::shared_ptr<Run> run;

  /// Whether it was this process that started it last. In a forked child another thread of the parent may hold `mutex`
  /// for ever, so that calls which do nothing there ask this first.
  bool is_of_this_process() const noexcept {
    return starter.load(std::memory_order_relaxed) == static_cast<long>(os::fork_generation());  // see started()
  }
  std::shared_ptr<Run> current() const {
    const std::lock_guard lock(mutex);
    return run;
  }
  /// The current run. Throws if there never was one, or if it belongs to another process.
  std::shared_ptr<Run> started(const char* call) const;
  // report.cpp
  census::WorkerReading read(bool asks_system) noexcept override;
  /// Parts the run from its core, which is then destroyed, and adds its counts to those of ended runs.
  void drop_run_from_messenger() noexcept;
  void set_run(std::shared_ptr<Run> new_run) noexcept;
  /// Asks the next worker for what its supervisor needs to know of it. Call before the worker begins.
  [[gnu::visibility("hidden")]] void ask_to_tell(link::Link& host_link) const;
  /// Makes this the current run. Its child exists, and its messages arrive through `core`.
  void begin(std::shared_ptr<Run> new_run, std::unique_ptr<detail::Core> core);
  void begin_started(std::shared_ptr<Run> new_run, std::unique_ptr<detail::Core> core);

  /// The new link of an adopted worker, between new_link() and adopt().
  struct Awaited {
    std::shared_ptr<Run> run;
    std::unique_ptr<detail::Core> core;
    std::unique_ptr<process::Lifeline> lifeline;
  };
  Awaited awaited;

  /// A start whose process was asked for, between ask() and await().
  struct Asked {
    std::shared_ptr<Run> run;
    std::unique_ptr<detail::Core> core;
    std::unique_ptr<link::Link> worker_end;  // its descriptors are sent again if the fork server ends meanwhile
    process::NewProgramStart start;
    std::vector<Messenger> handed_over = {};            // their descriptors are sent again, too
    std::function<void(std::exception_ptr)> then = {};  // called once when the start is over, or given up
  };
  std::optional<Asked> asked;
  std::weak_ptr<detail::PeerSupervisor> supervisor;  // see WorkerAccess
  std::shared_ptr<remote::Trunk> trunk;              // null: a start on another machine has a launch of its own
  bool only_launches = false;                        // start() only begins with the launch of the trunk
  bool takes_over = false;  // whether the next link gets what no receive has returned of the last
  using Unawaited = detail::WorkerAccess::Unawaited;
  Unawaited unawaited = Unawaited::nothing;
  void await();
  void give_up_asked(const char* why);
  census::Workers::Entry entry{*this};  // last, so that it goes first: until then another thread may call read()
};

}  // namespace coproc::inline v0
