// The start methods `fork_server`, `spawn` and `executable`: workers that are not a fork of their host.
//
// Thread safety: any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coproc/options.hpp"
#include "os/clock.hpp"
#include "process/await_start.hpp"
#include "process/child.hpp"
#include "process/start_request.hpp"
#include "process/start_stage.hpp"
#include "process/start_watch.hpp"

namespace coproc::inline v0::process {

struct NewProgram {
  StartMethod method;                       // fork_server, spawn or executable
  bool may_be_spawned = false;              // if there can be no fork server
  std::string path = {};                    // of an executable; or of the program for spawn, if it is not this one
  std::vector<std::string> arguments = {};  // likewise; for spawn with argv[0]
};

struct StartedProgram {
  Child child;
  std::string note;  // why it was spawned although fork_server was asked for; empty: it was not
  sandbox::Applied applied = {};
};

/// The start of a worker that gives `payload` and copies of `fds` to its Prepare (take_over.hpp). Asking and awaiting
/// are apart, so that workers that were asked for one after the other are made and set up at the same time. If it is
/// dropped in between, nothing is left of the worker.
///
/// Thread safety: one thread at a time.
class NewProgramStart {
  class Attempt;

 public:
  /// A fork of the fork server that is asked for before the rest of its start is prepared, so that the server makes it
  /// meanwhile. One that no start takes is ended.
  class EarlyFork {
   public:
    /// None.
    EarlyFork() noexcept;
    /// Asks for it. If that fails, the start that takes it does. Throws std::system_error.
    explicit EarlyFork(Timeout start_timeout);
    EarlyFork(EarlyFork&&) noexcept;
    EarlyFork& operator=(EarlyFork&&) = delete;
    ~EarlyFork();

   private:
    friend NewProgramStart;
    std::unique_ptr<Attempt> attempt_;
    std::optional<StartReport> failed_;
  };

  /// Asks for the process. `fds` have to stay open until await() returns. Throws as await() does, and
  /// InvalidArgumentError.
  NewProgramStart(const WorkerOptions& options, NewProgram program, std::string payload, std::vector<int> fds,
                  EarlyFork early = {});
  NewProgramStart(NewProgramStart&&) noexcept;
  NewProgramStart& operator=(NewProgramStart&&) noexcept;
  ~NewProgramStart();

  /// Goes on with the start as far as that is possible without waiting for a process, and waits no longer than this.
  /// Returns whether await() need not wait any more. Throws as await() does. (A fork server that has ended is replaced
  /// meanwhile, which takes as long as its start.)
  bool await_for(const os::Deadline& deadline);
  /// A descriptor that is readable when await_for() can go on, or has returned true. Throws std::system_error and as
  /// await() does.
  int handle();
  /// Returns when the worker is about to run what Prepare returned. Call it once. Throws StartError, whose stage is
  /// name_of() a StartStage, and then leaves nothing behind.
  StartedProgram await();

 private:
  bool may_be_spawned() const noexcept;
  void ask(EarlyFork early = {});
  void spawn();
  void end_with(StartOutcome outcome);
  bool take_steps();
  bool go_on();

  WorkerOptions options_;
  NewProgram program_;
  std::vector<int> fds_;
  os::Deadline deadline_;
  StartRequest request_;
  StartReport failed_;  // why there is no attempt
  StartedProgram started_;
  int tries_ = 0;                        // how many fork servers have ended meanwhile
  std::optional<StartOutcome> outcome_;  // once the start is over
  std::unique_ptr<Attempt> attempt_;
  std::unique_ptr<StartWatch> watch_;  // null before handle(); destroyed before what it watches
};

}  // namespace coproc::inline v0::process
