#include "sandbox/confine.hpp"

#include <unistd.h>

#include <system_error>
#include <utility>

#include "os/allocator.hpp"
#include "os/landlock.hpp"
#include "os/process_state.hpp"
#include "os/resource_limits.hpp"
#include "os/seccomp.hpp"
#include "sandbox/file_rules.hpp"
#include "sandbox/filter.hpp"
#include "sandbox/limits.hpp"
#include "sandbox/missing.hpp"

namespace coproc::inline v0::sandbox {

namespace {

using detail::SandboxParts;

void refuse_what_is_missing(const SandboxParts& sandbox, int abi) {
  if (sandbox.is_best_effort) return;
  std::string text;
  for (const std::string& each : missing_of(sandbox, abi)) text += (text.empty() ? "" : "; ") + each;
  if (text.empty()) return;
  throw Refused{0,
                "this system cannot enforce its sandbox: " + text +
                    ". Sandbox::best_effort() starts it all the same, and Worker::confinement() says what is missing"};
}

void set_filter(const SandboxParts& sandbox) {
  try {
    os::filter_system_calls(make_filter(sandbox, ::getpid()));
  } catch (const std::system_error& error) {
    throw Refused{error.code().value(),
                  "its system calls cannot be filtered, since this kernel has no seccomp, or the filter of a container "
                  "does not let it have one of its own"};
  }
}

}  // namespace

Applied confine(const SandboxParts* sandbox, const Limits& limits) {
  Applied applied;
  const int abi = sandbox == nullptr ? 0 : os::landlock_abi();
  if (sandbox != nullptr) {
    if (os::has_other_threads()) {
      throw Refused{0,
                    "its process has more than one thread, and the others would stay outside of the sandbox: start "
                    "threads later"};
    }
    refuse_what_is_missing(*sandbox, abi);
    if (sandbox->is_strict) os::read_allocator_settings();  // or else it would end the worker
  }
  set_limits(limits);
  // Root would take the priority back by it, and could take the processors from all others.
  if (limits.priority || (sandbox != nullptr && sandbox->kind != detail::SandboxKind::guard))
    os::forgo_raising_priority();
  if (sandbox == nullptr) return applied;
  os::lower_limit(RLIMIT_CORE, "RLIMIT_CORE", 0, 0);  // a core dump is a file, and holds what it was given
  os::give_up_new_rights();
  restrict_files(*sandbox, abi);
  set_filter(*sandbox);
  const Handled handled = handled_by(*sandbox, abi);
  applied.landlock_abi = handled == Handled() ? 0 : abi;
  applied.filters_calls = 1;
  applied.scopes_signals = (handled.scopes & os::landlock::kScopeSignals) != 0 ? 1 : 0;
  return applied;
}

Confinement describe(const SandboxParts* sandbox, const Limits& limits, const Applied& applied) {
  Confinement confinement;
  confinement.limits = describe_limits(limits);
  if (sandbox == nullptr) return confinement;
  confinement.filters_calls = applied.filters_calls != 0;
  confinement.landlock_abi = applied.landlock_abi;
  confinement.scopes_signals = applied.scopes_signals != 0;
  confinement.missing = missing_of(*sandbox, applied.landlock_abi);
  return confinement;
}

}  // namespace coproc::inline v0::sandbox
