#include "sandbox/file_rules.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include "os/landlock.hpp"

namespace coproc::inline v0::sandbox {

namespace {

using namespace os::landlock;
using detail::SandboxKind;
using detail::SandboxParts;

constexpr std::uint64_t kRead = kReadFile | kReadDirectory;
constexpr std::uint64_t kWrite = kRead | kWriteFile | kTruncate | kMakeFile | kMakeDirectory | kMakeLink | kMakeFifo |
                                 kMakeSocket | kRemoveFile | kRemoveDirectory | kMoveBetweenDirectories;
constexpr std::uint64_t kRun = kRead | kExecute;

constexpr const char* kOfSystem[] = {"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"};

std::uint64_t files_known_to(int abi) noexcept {
  std::uint64_t files = kMoveBetweenDirectories - 1;
  if (abi >= kAbiOfMoves) files |= kMoveBetweenDirectories;
  if (abi >= kAbiOfTruncation) files |= kTruncate;
  if (abi >= kAbiOfDevices) files |= kControlDevice;
  return files;
}

/// A system has only some of them.
void allow_if_there(os::LandlockRuleset& rules, const char* path, std::uint64_t rights) {
  try {
    rules.allow_path(path, rights);
  } catch (const std::system_error& error) {
    if (error.code().value() != ENOENT) throw;
  }
}

}  // namespace

Handled handled_by(const SandboxParts& parts, int abi) noexcept {
  Handled handled;
  if (abi < 1) return handled;
  if (abi >= kAbiOfScopes) handled.scopes = kScopeAbstractSockets | kScopeSignals;
  if (parts.kind == SandboxKind::guard) {
    // Nobody is traced from inside of any ruleset, but there is none that handles nothing: here it is a right that
    // restrict_files() gives back.
    if (handled.scopes == 0) handled.files = kMakeBlockDevice;
    return handled;
  }
  handled.files = files_known_to(abi);
  if (abi >= kAbiOfPorts) handled.ports = kBind | kConnect;
  return handled;
}

void restrict_files(const SandboxParts& parts, int abi) {
  const Handled handled = handled_by(parts, abi);
  if (handled == Handled()) return;
  os::LandlockRuleset rules(handled.files, handled.ports, handled.scopes);
  if (parts.kind == SandboxKind::guard && handled.files != 0) rules.allow_path("/", handled.files);
  for (const std::string& path : parts.readable) rules.allow_path(path.c_str(), kRead & handled.files);
  for (const std::string& path : parts.writable) rules.allow_path(path.c_str(), kWrite & handled.files);
  for (const std::string& path : parts.executable) rules.allow_path(path.c_str(), kRun & handled.files);
  if (parts.has_system) {
    for (const char* path : kOfSystem) allow_if_there(rules, path, kRun & handled.files);
    allow_if_there(rules, "/dev/null", (kRead | kWriteFile) & handled.files);
  }
  if (handled.ports != 0) {
    for (const std::uint16_t port : parts.ports) rules.allow_port(port, kConnect);
  }
  rules.restrict_self();
}

}  // namespace coproc::inline v0::sandbox
