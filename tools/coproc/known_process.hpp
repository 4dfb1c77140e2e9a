// What is known of a process of this machine from the last look, and what was read of it anew.
//
// Most processes sleep, and one that has not run since the last look has not changed: neither its memory, nor its
// descriptors, nor the system call that it is in. So only its line in /proc and its processor time are read again.
//
// Thread safety: none.
// Invariants: what is kept was read after the line and the processor time that it is kept for. So a change in between
// is found by the next look, and so is another process that was given the same pid: the line has the start's time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "os/foreign_memory.hpp"
#include "os/proc_stat.hpp"
#include "os/process_sample.hpp"

namespace command {

class KnownProcess {
 public:
  explicit KnownProcess(pid_t pid) noexcept : pid_(pid) {}

  /// Reads what may have changed. False: there is no such process any more, or it is a thread of the kernel.
  bool look();

  const coproc::os::ProcStat& stat() const noexcept { return stat_; }
  pid_t parent() const noexcept { return parent_; }
  uid_t user() const noexcept { return user_; }
  /// The links that it has mapped.
  const coproc::os::MappedMemories& mapped() const noexcept { return mapped_; }
  /// Its descriptors of links.
  const std::vector<coproc::os::MemoryDescriptor>& descriptors() const noexcept { return descriptors_; }

  /// What it takes, and the system call that its first thread is in, if that is known.
  struct Details {
    coproc::os::ProcessSample sample;
    std::string call;
  };
  /// Null: it has ended meanwhile, or the system does not tell.
  const Details* details();
  /// start_of() this worker.
  const std::string& start_by(const KnownProcess& host);

 private:
  pid_t pid_;
  std::optional<std::chrono::nanoseconds> processor_time_;
  coproc::os::ProcStat stat_{};
  pid_t parent_ = 0;
  uid_t user_ = static_cast<uid_t>(-1);
  coproc::os::MappedMemories mapped_;
  std::vector<coproc::os::MemoryDescriptor> descriptors_;
  std::optional<Details> details_;
  /// Of the worker and of its host: name, start, and place of the environment. What they show of the start stays the
  /// same for as long as these do.
  using Identity = std::tuple<pid_t, std::string, std::optional<std::uint64_t>, std::optional<std::uint64_t>>;
  Identity identity() const;
  std::pair<Identity, Identity> start_is_of_;
  std::string start_;
};

using KnownProcesses = std::map<pid_t, KnownProcess>;

/// Looks at all processes of this machine.
void look(KnownProcesses& processes);

}  // namespace command
