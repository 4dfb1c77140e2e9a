#include "os/landlock.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

#include "os/error.hpp"
#include "os/fault.hpp"
#include "os/stat_of.hpp"

namespace coproc::inline v0::os {

namespace {

// The same on every processor. The headers of the C library may not have them.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr unsigned kAskForVersion = 1;
constexpr int kBelowPath = 1, kPort = 2;

/// landlock_ruleset_attr: older kernels know less of it, and are given only that.
struct RulesetAttributes {
  std::uint64_t files;
  std::uint64_t ports;   // since 4
  std::uint64_t scopes;  // since 6
};
static_assert(sizeof(RulesetAttributes) == 24);

struct __attribute__((packed)) PathRule {
  std::uint64_t rights;
  std::int32_t fd;
};
static_assert(sizeof(PathRule) == 12);

struct PortRule {
  std::uint64_t rights;
  std::uint64_t port;
};

// relaxed: tests set it before they start what they watch; nothing is published through it
std::atomic<int> most_abi{std::numeric_limits<int>::max()};

std::size_t bytes_known_to(int abi) noexcept {
  return abi >= landlock::kAbiOfScopes ? 24 : abi >= landlock::kAbiOfPorts ? 16 : 8;
}

}  // namespace

int landlock_abi() noexcept {
  const int saved = errno;
  const auto abi = static_cast<int>(::syscall(kCreateRuleset, nullptr, 0, kAskForVersion));
  errno = saved;
  return std::clamp(abi, 0, most_abi.load(std::memory_order_relaxed));
}

void limit_landlock_abi(int abi) noexcept { most_abi.store(abi, std::memory_order_relaxed); }

LandlockRuleset::LandlockRuleset(std::uint64_t files, std::uint64_t ports, std::uint64_t scopes) {
  const RulesetAttributes attributes{files, ports, scopes};
  const std::size_t bytes = bytes_known_to(landlock_abi());
  fd_ = Fd(call_retried([&] { return static_cast<int>(::syscall(kCreateRuleset, &attributes, bytes, 0)); }));
  if (!fd_) throw_errno("landlock_create_ruleset", files, ports, scopes);
}

void LandlockRuleset::allow_path(const char* path, std::uint64_t rights) {
  const Fd place(call_retried([&] { return ::open(path, O_PATH | O_CLOEXEC); }));
  if (!place) throw_errno("open", path, "O_PATH");
  struct stat status {};
  if (call_once([&] { return stat_of(place.get(), status); }) != 0) {
    throw_errno("fstat", path);
  }
  if (!S_ISDIR(status.st_mode)) rights &= landlock::kOfFiles;
  const PathRule rule{rights, place.get()};
  if (call_once([&] { return ::syscall(kAddRule, fd_.get(), kBelowPath, &rule, 0); }) != 0) {
    throw_errno("landlock_add_rule", path, rights);
  }
}

void LandlockRuleset::allow_port(std::uint16_t port, std::uint64_t rights) {
  const PortRule rule{rights, port};
  if (call_once([&] { return ::syscall(kAddRule, fd_.get(), kPort, &rule, 0); }) != 0) {
    throw_errno("landlock_add_rule", port, rights);
  }
}

void LandlockRuleset::restrict_self() {
  if (call_once([&] { return ::syscall(kRestrictSelf, fd_.get(), 0); }) != 0) throw_errno("landlock_restrict_self");
}

}  // namespace coproc::inline v0::os
