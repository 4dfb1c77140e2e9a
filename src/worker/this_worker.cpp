// The functions of this_worker.hpp: facts about the worker, and the entry of an executable.
#include "coproc/this_worker.hpp"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "link/beats.hpp"
#include "os/process_state.hpp"
#include "process/take_over.hpp"
#include "process/worker_end.hpp"
#include "process/worker_identity.hpp"
#include "sandbox/confine.hpp"
#include "sandbox/limits.hpp"
#include "worker/received_run.hpp"

namespace coproc::inline v0 {

std::uint64_t this_worker::number() noexcept { return process::own_identity().number; }

std::uint64_t this_worker::seed() noexcept { return process::own_identity().seed; }

void this_worker::beat(std::string_view note) noexcept { link::beat(note); }

bool this_worker::is_worker() noexcept { return process::is_executable_worker(); }

namespace {

Confinement confine_to(const detail::SandboxParts* box, const Limits& limits) {
  try {
    return sandbox::describe(box, limits, sandbox::confine(box, limits));
  } catch (const sandbox::Refused& refused) {
    throw SandboxError("confine: " + refused.text);
  } catch (const std::system_error& error) {
    throw SandboxError(std::string("confine: this process could not be confined: ") + error.what());
  }
}

}  // namespace

Confinement this_worker::confine(const Sandbox& box, const Limits& limits) {
  sandbox::check_limits(limits);
  if (os::has_other_threads()) {
    throw InvalidArgumentError(
        "confine: this process has more than one thread, and the others would stay outside of the sandbox: confine it "
        "before they are started");
  }
  process::forgo_leak_check();
  return confine_to(&box.parts(), limits);
}

Confinement this_worker::confine(const Limits& limits) {
  sandbox::check_limits(limits);
  return confine_to(nullptr, limits);
}

namespace {

// Set while run_this_worker() or run_sent_worker() runs.
const detail::WorkerPlan* plan_of_executable = nullptr;
const detail::SentWorker* sent_worker = nullptr;

/// Returns the exit code. Throws StartError.
int run_as_worker(process::Prepare prepare) {
  const int code = process::run_as_executable(prepare);
  plan_of_executable = nullptr;
  sent_worker = nullptr;
  if (code >= 0) return code;
  throw StartError("handshake", 0,
                   "program was not started by a host of coproc, as a WorkerResource of an Executable does: see "
                   "coproc::this_worker::is_worker()");
}

}  // namespace

int detail::run_this_worker(const WorkerPlan& plan) {
  plan_of_executable = &plan;
  return run_as_worker([](process::StartRequest& request, std::vector<os::Fd> fds) {
    return prepare_plan(*plan_of_executable, request, std::move(fds));
  });
}

int detail::run_sent_worker(const SentWorker& worker) {
  sent_worker = &worker;
  return run_as_worker([](process::StartRequest& request, std::vector<os::Fd> fds) {
    return prepare_sent(*sent_worker, request, std::move(fds));
  });
}

}  // namespace coproc::inline v0
