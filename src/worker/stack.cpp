// Worker::stack: where the threads of a living worker are.
#include <mutex>
#include <utility>

#include "coproc/errors.hpp"
#include "coproc/worker.hpp"
#include "process/crash_report.hpp"
#include "process/stack_request.hpp"
#include "worker/own_frames.hpp"
#include "worker/state.hpp"

namespace coproc::inline v0 {

namespace {

/// Looks at the area while the link that it is in exists: another thread may start the worker again.
std::optional<process::CrashArea> look_at(Run& run, std::uint32_t request) {
  const std::lock_guard lock(run.mutex);
  if (run.core == nullptr) return std::nullopt;
  return process::copy_answer(*reinterpret_cast<const process::CrashArea*>(run.crash_area.data()),  // NOLINT: aligned
                              request);
}

}  // namespace

std::vector<ThreadStack> Worker::stack(Timeout timeout) {
  const auto run = state().started("stack");
  if (state().options.machine) {
    throw InvalidArgumentError("stack: worker " + state().options.name +
                               " runs on another machine, and only workers of this machine can be asked for it");
  }
  if (run->child.is_ended()) throw_died(*run, state().options.name);
  const std::lock_guard one_at_a_time(run->asking);
  const os::Deadline deadline(timeout.ns);
  auto look = [&](std::uint32_t request) { return look_at(*run, request); };
  std::vector<ThreadStack> threads;
  for (auto& [thread, answer] : process::ask_for_stacks(run->child.pid(), run->last_request, deadline, look)) {
    if (answer) thread.stack = process::describe_stack(*answer, run->program, run->program_identity);
    leave_out_own_frames(thread.stack);
    threads.push_back(std::move(thread));
  }
  if (threads.empty() && run->child.is_ended()) throw_died(*run, state().options.name);
  return threads;
}

}  // namespace coproc::inline v0
