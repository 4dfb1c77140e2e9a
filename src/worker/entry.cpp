// The ways into a process that was executed to become a worker: before main, in init(), and in this_worker::run().
#include <dlfcn.h>

#include <system_error>

#include "coproc/errors.hpp"
#include "coproc/fork_server.hpp"
#include "coproc/init.hpp"
#include "coproc/this_worker.hpp"
#include "os/clock.hpp"
#include "process/fork_server.hpp"
#include "process/new_program.hpp"
#include "process/start_stage.hpp"
#include "process/take_over.hpp"
#include "process/worker_identity.hpp"
#include "worker/received_run.hpp"

namespace coproc::inline v0 {

namespace detail {
/// Whether a coproc of this process is called before main. Where a program and a library that it is linked with both contain coproc, the
/// linker makes one variable of theirs, and lets both use the program's functions.
extern COPROC_API bool is_called_before_main;
__attribute__((weak)) bool is_called_before_main = false;
}  // namespace detail

void init(int argc, char**) {
  process::announce_take_over(argc);
  process::take_over(&prepare_named);
}

void start_fork_server(Timeout timeout) {
  try {
    process::refuse_before_take_over();
    process::ensure_fork_server(os::Deadline(timeout.ns));
  } catch (const process::StartReport& report) {
    process::throw_start_error(report, {.name = "fork server"});
  } catch (const std::system_error& error) {
    process::throw_start_error(process::report_of(process::StartStage::fork_server, error), {.name = "fork server"});
  }
}

void stop_fork_server() noexcept { process::end_fork_server(); }

std::uint64_t this_worker::number() noexcept { return process::own_identity().number; }

std::uint64_t this_worker::seed() noexcept { return process::own_identity().seed; }

bool this_worker::is_worker() noexcept { return process::is_executable_worker(); }

namespace {

const detail::WorkerPlan* plan_of_executable = nullptr;  // set for the length of run_this_worker()

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

// glibc calls main through this function, which a program's own definition (or that of a library which is linked into it)
// replaces. It is weak, so that a static program, for which the C library's is needed, is linked with that one: such
// programs call coproc::init().
namespace {

using Main = int (*)(int, char**, char**);
Main main_of_program = nullptr;

int main_after_take_over(int argc, char** argv, char** environment) {
  coproc::process::take_over(&coproc::prepare_named);
  return main_of_program(argc, argv, environment);
}

}  // namespace

extern "C" COPROC_API __attribute__((weak)) int __libc_start_main(Main main, int argc, char** argv, void (*init)(),
                                                                  void (*fini)(), void (*rtld_fini)(),
                                                                  void* stack_end) {
  using Start = int (*)(Main, int, char**, void (*)(), void (*)(), void (*)(), void*);
  const auto start = reinterpret_cast<Start>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  if (coproc::detail::is_called_before_main) return start(main, argc, argv, init, fini, rtld_fini, stack_end);
  coproc::detail::is_called_before_main = true;
  main_of_program = main;
  coproc::process::announce_take_over(argc);
  return start(&main_after_take_over, argc, argv, init, fini, rtld_fini, stack_end);
}
