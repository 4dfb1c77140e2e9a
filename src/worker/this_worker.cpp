// The functions of this_worker.hpp: facts about the worker, and the entry of an executable.
#include "coproc/this_worker.hpp"

#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "process/take_over.hpp"
#include "process/worker_identity.hpp"
#include "worker/received_run.hpp"

namespace coproc::inline v0 {

std::uint64_t this_worker::number() noexcept { return process::own_identity().number; }

std::uint64_t this_worker::seed() noexcept { return process::own_identity().seed; }

bool this_worker::is_worker() noexcept { return process::is_executable_worker(); }

namespace {

const detail::WorkerPlan* plan_of_executable = nullptr;  // set while run_this_worker() runs

}  // namespace

int detail::run_this_worker(const WorkerPlan& plan) {
  plan_of_executable = &plan;
  const int code = process::run_as_executable([](process::StartRequest& request, std::vector<os::Fd> fds) {
    return prepare_plan(*plan_of_executable, request, std::move(fds));
  });
  plan_of_executable = nullptr;
  if (code >= 0) return code;
  throw StartError("handshake", 0,
                   "program was not started by a host of coproc, as a WorkerResource of an Executable does: see "
                   "coproc::this_worker::is_worker()");
}

}  // namespace coproc::inline v0
