// What a worker tells the census: hooks at the begin and the end of each run, and a look from any thread in between.
#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>

#include "coproc/channel_counts.hpp"
#include "link/link.hpp"
#include "messenger/core.hpp"
#include "os/process_sample.hpp"
#include "worker/state.hpp"

namespace coproc::inline v0 {

namespace {

using census::RestartReason;

RestartReason reason_of(const std::optional<ExitStatus>& status) noexcept {
  if (!status) return RestartReason::unknown;
  if (status->signalled()) return RestartReason::signal;
  if (status->exited()) return status->success() ? RestartReason::exit : RestartReason::failure;
  return std::holds_alternative<MachineLost>(status->end) ? RestartReason::machine_lost : RestartReason::unknown;
}

/// Zero if the process lives, or if the kernel did not tell.
std::chrono::nanoseconds processor_time_of(const std::optional<ExitStatus>& status) noexcept {
  if (!status) return std::chrono::nanoseconds(0);
  return status->resources.user_time + status->resources.system_time;
}

}  // namespace

void Worker::State::drop_run_from_messenger() noexcept {
  if (run == nullptr || !run->child.is_own_process()) return;  // of a parent: its counts and its link are not ours
  entry.change([&](census::WorkerTotals& totals) {
    const std::lock_guard lock(run->mutex);
    if (run->core == nullptr) return;
    const ChannelCounts counts = run->core->all_counts();
    totals.sent += counts.sent;
    totals.received += counts.received;
    totals.processor_time += std::max(totals.processor_time_of_present, processor_time_of(run->status));
    totals.processor_time_of_present = std::chrono::nanoseconds(0);
    run->followed = {};
    run->core = nullptr;
  });
}

void Worker::State::set_run(std::shared_ptr<Run> new_run) noexcept {
  entry.change([&](census::WorkerTotals& totals) {
    ++totals.starts;
    totals.is_supervised |= !supervisor.expired();
    if (takes_over && run != nullptr && run->child.is_own_process()) {
      const std::lock_guard lock(run->mutex);
      ++totals.restarts[static_cast<std::size_t>(reason_of(run->status))];
    }
    const std::lock_guard lock(mutex);
    run.swap(new_run);  // the old run goes once the census is unlocked
  });
}

census::WorkerReading Worker::State::read(bool asks_system) noexcept {
  census::WorkerReading now;
  const auto present = current();
  if (present == nullptr || !present->child.is_own_process()) return now;  // of a parent: its link is gone here
  now.is_alive = !present->child.is_ended();
  {
    const std::lock_guard lock(present->mutex);
    if (present->core == nullptr) return now;  // all of it is in the totals
    const ChannelCounts counts = present->core->all_counts();
    now.sent = counts.sent;
    now.received = counts.received;
    now.unanswered = counts.remaining();
    const auto unread = present->core->underlying_link().unread();
    now.rings = {.to_worker = unread.to_peer, .to_host = unread.from_peer};
    if (present->status) now.processor_time = processor_time_of(present->status);
  }
  if (!asks_system || !now.is_alive || options.machine) return now;
  const os::ProcessMemory memory = present->child.memory();
  const auto processor_time = os::processor_time_of(present->child.pid());
  // Once the process has ended, its number may be another's.
  if (present->child.is_ended()) return now;
  if (memory.now != 0) now.resident_bytes = memory.now;
  now.processor_time = processor_time;
  return now;
}

}  // namespace coproc::inline v0
