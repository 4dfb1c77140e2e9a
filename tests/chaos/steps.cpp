#include "chaos/steps.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "step/step.hpp"

namespace chaos {

namespace {

/// Copied into the workers by the fork.
struct {
  Case which{};
  Ledger* ledger = nullptr;
  pid_t armed_in = 0;
  Who who = Who::this_process;
} plan;

void die(Death death) noexcept {
  switch (death) {
    case Death::kill:
      ::kill(::getpid(), SIGKILL);
      break;
    case Death::stop:
      ::kill(::getpid(), SIGSTOP);
      break;
    case Death::exit:
      ::_exit(3);
    case Death::abort:
      ::prctl(PR_SET_DUMPABLE, 0);  // no core file
      std::abort();
  }
  for (;;) ::pause();  // the signal is on its way
}

void on_step(const char* name) noexcept {
  if (plan.ledger == nullptr || (plan.who == Who::this_process) != (::getpid() == plan.armed_in)) return;
  Ledger& ledger = *plan.ledger;
  if (std::strcmp(name, "target: exception sent") == 0) ledger.exception_sent.store(true, std::memory_order_relaxed);
  if (ledger.steps.fetch_add(1, std::memory_order_relaxed) + 1 != plan.which.nth) return;
  std::snprintf(ledger.step, sizeof ledger.step, "%s", name);
  if (plan.which.death == Death::stop) ledger.pid.store(::getpid(), std::memory_order_release);  // pairs with on_child
  die(plan.which.death);
}

std::atomic<Ledger*> watched{nullptr};

void on_child(int) {
  // Whoever has noted its pid there stops, and ends in no other way than by this: the pid is its own.
  const Ledger* const ledger = watched.load(std::memory_order_relaxed);  // relaxed: set by this thread
  if (ledger == nullptr) return;
  const int pid = ledger->pid.load(std::memory_order_acquire);  // pairs with on_step
  if (pid > 0) ::kill(pid, SIGKILL);
}

}  // namespace

const char* name_of(Death death) noexcept {
  static constexpr const char* kNames[] = {"SIGKILL", "SIGSTOP and SIGKILL", "_exit(3)", "abort()"};
  return kNames[static_cast<int>(death)];
}

Armed::Armed(const Case& which, Ledger& ledger, Who who) noexcept {
  plan = {which, &ledger, ::getpid(), who};
  coproc::step_hook.store(&on_step, std::memory_order_relaxed);
}

Armed::~Armed() {
  coproc::step_hook.store(nullptr, std::memory_order_relaxed);
  plan.ledger = nullptr;
}

KillsTheStopped::KillsTheStopped(Ledger& ledger) noexcept {
  watched.store(&ledger, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = on_child;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGCHLD, &action, nullptr);
}

KillsTheStopped::~KillsTheStopped() {
  ::signal(SIGCHLD, SIG_DFL);
  watched.store(nullptr, std::memory_order_relaxed);
}

}  // namespace chaos
