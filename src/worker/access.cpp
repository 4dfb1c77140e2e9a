#include "worker/access.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include "os/clock.hpp"
#include "worker/state.hpp"

namespace coproc::inline v0::detail {

WorkerAccess::OnlyAsking::OnlyAsking(Worker& worker, Unawaited which) : worker_(worker) {
  worker.state().unawaited = which;
}
WorkerAccess::OnlyAsking::~OnlyAsking() { worker_.state_->unawaited = Unawaited::nothing; }

bool WorkerAccess::is_asked(const Worker& worker) noexcept { return worker.state_->asked.has_value(); }

bool WorkerAccess::is_next_started(Worker& worker) {
  return worker.state().asked->start.await_for(os::Deadline(std::chrono::seconds(0)));
}

WorkerAccess::OnlyLaunching::OnlyLaunching(Worker& worker) : worker_(worker) { worker.state().only_launches = true; }
WorkerAccess::OnlyLaunching::~OnlyLaunching() { worker_.state_->only_launches = false; }

WorkerAccess::TakingOver::TakingOver(Worker& worker) : worker_(worker) { worker.state().takes_over = true; }
WorkerAccess::TakingOver::~TakingOver() { worker_.state_->takes_over = false; }

void WorkerAccess::set_supervisor(Worker& worker, std::weak_ptr<PeerSupervisor> supervisor) {
  worker.state().supervisor = std::move(supervisor);
}

void WorkerAccess::set_trunk(Worker& worker, std::shared_ptr<remote::Trunk> trunk) {
  worker.state().trunk = std::move(trunk);
}

remote::Trunk* WorkerAccess::trunk_of(Worker& worker) noexcept { return worker.state_->trunk.get(); }

bool WorkerAccess::kill(Worker& worker) noexcept {
  try {
    const auto run = worker.state().started("kill");
    run->child.note_rung(StopRung::kill);
    run->child.kill();
    return !run->child.refuses_signals();
  } catch (const std::exception&) {
    return !worker.is_alive();
  }
}

void WorkerAccess::queue_signal(Worker& worker, int signal, std::uintptr_t value) noexcept {
  try {
    worker.state().started("signal")->child.signal(signal, value);
  } catch (const std::exception&) {
    // If the signal could not be sent, the outcome of the task shows it.
  }
}

os::ProcessMemory WorkerAccess::memory_of(Worker& worker) noexcept {
  try {
    return worker.state().started("memory")->child.memory();
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace coproc::inline v0::detail
