// One attempt to start a new program. Its process is told everything at once, and reads that whenever it comes to it.
//
// Thread safety: one thread at a time.
// Invariants: after ask() the process was made, as `child_`, or a fork server was asked for it, as `asked_`.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "process/fork_server.hpp"
#include "process/inherited.hpp"
#include "process/lifeline.hpp"
#include "process/new_program.hpp"
#include "process/start_channel.hpp"
#include "process/stderr_tail.hpp"

namespace coproc::inline v0::process {

class NewProgramStart::Attempt {
 public:
  explicit Attempt(const os::Deadline& deadline) noexcept : deadline_(deadline) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt();

  /// What was done between ask_server() and ask() takes nothing of the time of the start.
  void count_from_now(const os::Deadline& deadline) noexcept { deadline_ = deadline; }
  /// Asks the fork server only. Throws StartReport.
  void ask_server(RightsCompared compared);
  /// Makes the process, or asks for it. Returns false if it has to be asked for once more, by another attempt. Throws
  /// StartReport.
  bool ask(const WorkerOptions& options, const NewProgram& program, StartRequest& request, std::span<const int> fds,
           RightsCompared compared);

  enum class Look { waits, server_has_ended, has_outcome };
  /// Goes on as far as that is possible without waiting for a process. Throws StartReport.
  Look look();
  /// The descriptors that become readable when look() can go on.
  std::array<int, 3> fds() const noexcept { return asked_ ? fds_of(*asked_, *channel_) : report_->fds(); }
  StartOutcome take_outcome() noexcept { return std::move(outcome_); }
  /// The process that has reported.
  Child take_child() noexcept { return std::move(child_); }

 private:
  template <class Step>
  auto naming_stage(Step step);
  void launch(const NewProgram& program, std::vector<std::string> environment);
  void send(const WorkerOptions& options, const StartRequest& request, std::span<const int> fds, Lifeline& lifeline);
  bool waits_for_fork() const;
  bool take_fork();

  os::Deadline deadline_;
  StartStage stage_ = StartStage::setup;
  std::optional<Inherited> inherited_;
  std::unique_ptr<Lifeline> lifeline_;  // until there is a child, which owns it
  std::optional<StartChannel> channel_;
  std::optional<StderrTail> error_output_;
  std::optional<AskedFork> asked_;
  Child child_;
  std::optional<ReportWait> report_;
  StartOutcome outcome_;
};

}  // namespace coproc::inline v0::process
