#include "sandbox/missing.hpp"

#include "os/landlock.hpp"

namespace coproc::inline v0::sandbox {

namespace {

using detail::SandboxKind;

std::string kernel_has(int abi) {
  if (abi >= 1) return ", and this kernel has version " + std::to_string(abi);
  return ", and this kernel has none (or it is switched off: see \"landlock\" in /sys/kernel/security/lsm, and the "
         "boot "
         "option lsm=)";
}

}  // namespace

std::vector<std::string> missing_of(const detail::SandboxParts& parts, int abi) {
  std::vector<std::string> missing;
  const auto need = [&](int least, const char* kernel, const char* what) {
    if (abi >= least) return;
    missing.push_back(std::string(what) + ": that takes version " + std::to_string(least) + " of Landlock (Linux " +
                      kernel + ")" + kernel_has(abi));
  };
  const bool is_guard = parts.kind == SandboxKind::guard;
  const bool has_programs = !parts.executable.empty() || parts.has_system;
  if (is_guard) need(1, "5.13", "nothing keeps it from tracing other processes of its user");
  if (is_guard || has_programs) {
    need(os::landlock::kAbiOfScopes, "6.12", "nothing keeps its signals from other processes of its user");
  }
  if (parts.kind == SandboxKind::files || parts.kind == SandboxKind::client) {
    need(1, "5.13", "nothing keeps it from the files of its user");
  }
  if (parts.kind == SandboxKind::client) {
    need(os::landlock::kAbiOfPorts, "6.7", "it may connect to any port, and not only to those that were given");
  }
  return missing;
}

}  // namespace coproc::inline v0::sandbox
