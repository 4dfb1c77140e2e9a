// The end of a worker that hangs: where it is, why it is ended, and the ladder with short times.
#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "os/threads_of.hpp"
#include "process/stack_request.hpp"
#include "process/stop_ladder.hpp"
#include "worker/access.hpp"
#include "worker/state.hpp"

namespace coproc::inline v0::detail {

namespace {

/// The time for all its threads to say where they are. Much less is enough unless the machine has too much to do.
constexpr std::chrono::seconds kAsking{1};
/// For a handler of SIGTERM of the target. Without one the worker ends at once.
constexpr std::chrono::milliseconds kTerminate{200};

/// "running", "blocked in futex", ...
std::string text_of(const ThreadStack& thread) {
  const bool is_asleep = thread.state == "sleeping" || thread.state == "in an uninterruptible sleep";
  if (!is_asleep || thread.system_call.empty()) return thread.state;
  return "blocked in " + thread.system_call + (thread.state == "sleeping" ? "" : ", " + thread.state);
}

/// What the first thread does, without asking it.
ThreadStack look_at_first_thread(pid_t process) {
  for (const os::ThreadState& each : os::threads_of(process)) {
    if (each.id == process) return process::thread_without_stack(each);
  }
  return {};
}

}  // namespace

bool WorkerAccess::is_on_machine(const Worker& worker) noexcept {
  return worker.state_ != nullptr && worker.state_->options.machine.has_value();
}

void WorkerAccess::end_hung(Worker& worker, Hang hang, bool asks_where) {
  try {
    const auto run = worker.state().started("end");
    ThreadStack first = look_at_first_thread(run->child.pid());
    try {
      std::vector<ThreadStack> threads;
      if (asks_where) threads = worker.stack(kAsking);
      const auto found = std::ranges::find(threads, run->child.pid(), &ThreadStack::id);
      if (found != threads.end()) first.stack = std::move(found->stack);
    } catch (const std::system_error&) {
      // The system does not have what is needed for the question.
    } catch (const WorkerDiedError&) {
      return;
    }
    hang.doing = text_of(first);
    {
      const std::lock_guard lock(run->mutex);
      if (run->status) return;
      run->hung = std::move(hang);
      run->hung_stack = std::move(first.stack);
    }
    const std::array rungs{process::Rung{StopRung::terminate, kTerminate},
                           process::Rung{StopRung::kill, worker.state().options.stop.kill}};
    (void)process::run_ladder(run->child, rungs, {});
  } catch (const std::system_error&) {
    // The call that waits goes on waiting, and the next look tries again.
  }
}

}  // namespace coproc::inline v0::detail
