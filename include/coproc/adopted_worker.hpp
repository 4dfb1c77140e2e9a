// A worker whose process is started and reaped by something other than coproc.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>

#include "coproc/exit_status.hpp"
#include "coproc/limits.hpp"
#include "coproc/link_end.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "coproc/sandbox.hpp"
#include "coproc/worker.hpp"

namespace coproc::inline v0 {

struct AdoptOptions {
  // All of these mean what they mean in WorkerOptions.
  std::string name = {};
  StopOptions stop = {};
  LinkOptions link = {};
  bool capture_stderr = false;
  bool heed_signals_of_others = false;
  bool report_crashes = true;
  /// What the process will confine itself to, by this_worker::confine: nothing here closes the box. As for other boxed
  /// workers, LinkOptions::loan_bytes then has a smaller default.
  std::optional<Sandbox> sandbox = {};
  Limits limits = {};
  /// Its process enters it by LinkEnd::enter_control_group() or run(). Processes that it has started before stay where
  /// they are.
  std::string control_group = {};
  std::size_t events = 0;
};

/// A worker whose process is started and reaped by something else: another library, a supervisor, or an interpreter's
/// own module for processes. It can do everything else that a Worker can: messages travel over its link, its end is
/// noticed, and `stop` ends it step by step. When the process has ended, this class reads its status but leaves it to
/// be reaped by whoever started it.
///
///     coproc::AdoptedWorker worker;
///     coproc::LinkEnd end = worker.new_link();
///     const pid_t pid = start_somehow(end);     // there: end.run<coproc::PriorityMessenger>(&target)
///     worker.adopt(pid);
///     end.close();
///
/// Thread safety: as Worker.
template <class M = PriorityMessenger>
class AdoptedWorker : public Worker {
  static_assert(std::same_as<M, PriorityMessenger> || std::same_as<M, MultiMessenger>);

 public:
  explicit AdoptedWorker(AdoptOptions options = {})
      : Worker(WorkerOptions{.name = std::move(options.name),
                             .stop = options.stop,
                             .link = options.link,
                             .capture_stderr = options.capture_stderr,
                             .heed_signals_of_others = options.heed_signals_of_others,
                             .report_crashes = options.report_crashes,
                             .sandbox = std::move(options.sandbox),
                             .limits = options.limits,
                             .control_group = std::move(options.control_group),
                             .events = options.events},
               Worker::make_messenger<M>(), std::same_as<M, PriorityMessenger>) {}
  AdoptedWorker(AdoptedWorker&&) noexcept = default;
  AdoptedWorker& operator=(AdoptedWorker&&) noexcept = default;
  /// Stops the worker as `stop` does. The process remains to be reaped.
  ~AdoptedWorker() = default;

  /// Makes a link for the next process and returns the end of that process. Throws WorkerIsAlreadyAliveError,
  /// StartError.
  LinkEnd new_link() { return Worker::new_link(); }

  /// Takes the process `pid` as the worker, and connects `messenger()` to it. The process must not have been reaped.
  ///
  /// `ask` returns how the process ended, or nullopt if that is not known. It is needed where the kernel does not say
  /// so: where the process is not a child of this one, or was reaped first. It is called at most once, after the
  /// process has ended, by any thread.
  ///
  /// Throws InvalidArgumentError if `new_link` was not called before, and StartError if there is no such process.
  void adopt(int pid, std::function<std::optional<ExitStatus>()> ask = {}) { Worker::adopt(pid, std::move(ask)); }

  M& messenger() { return static_cast<M&>(Worker::messenger()); }
};

AdoptedWorker() -> AdoptedWorker<PriorityMessenger>;
AdoptedWorker(AdoptOptions) -> AdoptedWorker<PriorityMessenger>;

}  // namespace coproc::inline v0
