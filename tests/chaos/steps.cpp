#include "chaos/steps.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

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

/// This process's own step, and the worker that it waits for there.
const char* dawdles_at = nullptr;
int dawdles_for = 0;

void on_own_step(const char* name) noexcept {
  if (std::strcmp(name, dawdles_at) != 0) return;
  while (!is_at_rest(dawdles_for)) ::sched_yield();
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

bool is_at_rest(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  std::getline(file, stat);
  const auto name_end = stat.rfind(')');
  return name_end == std::string::npos || stat.find_first_of("SZXT", name_end) == name_end + 2;
}

void dawdle(const Case& which, int worker) noexcept {
  static constexpr const char* kSteps[] = {
      "sleep: awake",  "sleep: waiting word set", "sleep: before the poll",  "sleep: after the poll",
      "drain: looked", "settle: drained",         "settle: waiting word set"};
  const std::uint64_t at = which.choice(0, 2 * std::size(kSteps));  // every other time it does not dawdle
  if (at >= std::size(kSteps)) return;
  dawdles_at = kSteps[at];
  dawdles_for = worker;
  coproc::step_hook.store(&on_own_step, std::memory_order_relaxed);
}

void hurry() noexcept { coproc::step_hook.store(nullptr, std::memory_order_relaxed); }

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
