// Landlock: rules for the files, ports and processes that this thread and all that it starts may reach from now on.
//
// The system's headers may be older than the kernel: the constants here are the kernel's own.
//
// Thread safety: values; a ruleset is used by one thread. restrict_self() acts upon the calling thread alone.
#pragma once

#include <cstdint>

#include "os/fd.hpp"

namespace coproc::inline v0::os {

/// The version of Landlock that the kernel has; 0: none, or it is switched off, or a filter refuses to tell.
int landlock_abi() noexcept;
/// For tests: landlock_abi() returns at most `abi` from now on, in this process and its forks.
void limit_landlock_abi(int abi) noexcept;

namespace landlock {

// Rights to files, by the version that brought them.
inline constexpr std::uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadDirectory = 1 << 3;
inline constexpr std::uint64_t kRemoveDirectory = 1 << 4, kRemoveFile = 1 << 5, kMakeDevice = 1 << 6;
inline constexpr std::uint64_t kMakeDirectory = 1 << 7, kMakeFile = 1 << 8, kMakeSocket = 1 << 9, kMakeFifo = 1 << 10;
inline constexpr std::uint64_t kMakeBlockDevice = 1 << 11, kMakeLink = 1 << 12;
inline constexpr std::uint64_t kMoveBetweenDirectories = 1 << 13;  // 2
inline constexpr std::uint64_t kTruncate = 1 << 14;                // 3
inline constexpr std::uint64_t kControlDevice = 1 << 15;           // 5
// Those that a file which is no directory can have.
inline constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kControlDevice;

// Rights to TCP ports, since 4.
inline constexpr std::uint64_t kBind = 1 << 0, kConnect = 1 << 1;

// What lies outside is out of reach, since 6.
inline constexpr std::uint64_t kScopeAbstractSockets = 1 << 0, kScopeSignals = 1 << 1;

inline constexpr int kAbiOfMoves = 2, kAbiOfTruncation = 3, kAbiOfPorts = 4, kAbiOfDevices = 5, kAbiOfScopes = 6;

}  // namespace landlock

class LandlockRuleset {
 public:
  /// What is named here is refused unless a rule allows it. Throws std::system_error.
  LandlockRuleset(std::uint64_t files, std::uint64_t ports, std::uint64_t scopes);

  /// Allows `rights` to this path and, if it is a directory, to everything below it. Of the rights, a file gets those
  /// that files can have. Throws std::system_error.
  void allow_path(const char* path, std::uint64_t rights);
  /// Throws std::system_error.
  void allow_port(std::uint16_t port, std::uint64_t rights);
  /// From now on the rules hold for this thread, for ever. REQUIRES: give_up_new_rights(). Throws std::system_error.
  void restrict_self();

 private:
  Fd fd_;
};

}  // namespace coproc::inline v0::os
