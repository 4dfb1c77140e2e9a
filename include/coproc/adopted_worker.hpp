// A worker whose process something else starts and reaps.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>

#include "coproc/exit_status.hpp"
#include "coproc/link_end.hpp"
#include "coproc/messenger.hpp"
#include "coproc/options.hpp"
#include "coproc/worker.hpp"

namespace coproc::inline v0 {

struct AdoptOptions {
  /// As in WorkerOptions.
  std::string name = {};
  StopOptions stop = {};
  LinkOptions link = {};
  bool heed_signals_of_others = false;
  bool report_crashes = true;
};

/// A worker whose process is started and reaped by something else: another library, a supervisor, an interpreter's own module for
/// processes. All that a Worker does holds for it: the link, the notice of its death, the ladder of `stop`. Its end is looked at, and
/// left for who reaps it.
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
                             .heed_signals_of_others = options.heed_signals_of_others,
                             .report_crashes = options.report_crashes},
               Worker::make_messenger<M>(), std::same_as<M, PriorityMessenger>) {}
  AdoptedWorker(AdoptedWorker&&) noexcept = default;
  AdoptedWorker& operator=(AdoptedWorker&&) noexcept = default;
  /// As `stop`; the process remains to be reaped.
  ~AdoptedWorker() = default;

  /// Makes a link for the next process and returns that one's end. Throws WorkerIsAlreadyAliveError; StartError.
  LinkEnd new_link() { return Worker::new_link(); }

  /// From now on this process is the worker, and `messenger()` is joined to it. It must not have been reaped. `ask`: how it ended, for
  /// when the kernel does not tell this process: it is no child of it, or was reaped first. Called at most once, by any thread,
  /// when the process has ended; nullopt: not known. Throws InvalidArgumentError without a `new_link` before it, StartError where
  /// there is no such process.
  void adopt(int pid, std::function<std::optional<ExitStatus>()> ask = {}) { Worker::adopt(pid, std::move(ask)); }

  M& messenger() { return static_cast<M&>(Worker::messenger()); }
};

AdoptedWorker() -> AdoptedWorker<PriorityMessenger>;
AdoptedWorker(AdoptOptions) -> AdoptedWorker<PriorityMessenger>;

}  // namespace coproc::inline v0
