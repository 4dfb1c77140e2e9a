// The processes of this machine that use coproc, and the links between them, as they are seen from outside.
//
// Thread safety: none.
// Invariants: no program is stopped, changed, or waited for. What the system does not tell is absent, and never a zero.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "known_process.hpp"
#include "link/link_sight.hpp"
#include "os/foreign_memory.hpp"
#include "os/process_sample.hpp"

namespace command {

enum class LinkKind {
  worker,  // between a host (end 0) and its worker (end 1)
  pair,    // between two processes, by new_pair(). Which one has which end is not known
  inside,  // both ends are in one process
  half,    // the process at one end has ended, or cannot be looked into
};

struct SeenLink {
  coproc::os::FileId file{};
  std::vector<pid_t> processes;  // that have it mapped
  LinkKind kind = LinkKind::pair;
  pid_t host = 0;    // of a `worker`
  pid_t worker = 0;  // of a `worker`
  std::optional<coproc::link::LinkSight> sight;
  std::string refusal;                                // why there is none
  std::optional<coproc::link::RestartSight> restart;  // by which the worker was started, if it is supervised
};

enum class Role { program, fork_server };

struct SeenProcess {
  pid_t pid = 0;
  coproc::os::ProcessSample sample;
  uid_t user = 0;
  Role role = Role::program;
  pid_t host = 0;          // whose worker, fork server, or child it is; 0: it is no worker
  std::string start;       // how it was started, if that is known: "fork", "fork_server", "spawn", "executable"
  std::string call;        // the system call in which its first thread is, if that is known
  bool is_hidden = false;  // it cannot be looked into
};

struct Seen {
  std::vector<SeenProcess> processes;  // by pid
  std::vector<SeenLink> links;         // by their files' numbers, which grow
  std::map<uid_t, int> hidden;         // processes that cannot be looked into, by their users

  const SeenProcess* process(pid_t pid) const noexcept;
  /// The link by which a process is a worker; null: it is none.
  const SeenLink* link_of_worker(pid_t pid) const noexcept;
};

/// Looks again and again, and keeps open what it has found.
class Watcher {
 public:
  Seen look();
  /// The messages that one end has sent between two positions of its ring, if these can still be counted.
  std::optional<std::uint64_t> count_messages(const SeenLink& link, int from, std::uint64_t begin,
                                              std::uint64_t end) const;
  /// Fills `bytes` from a place in the link's memory on. False: they cannot be read.
  bool read(const SeenLink& link, std::uint64_t at, std::span<std::byte> bytes) const;
  /// The same link at this moment.
  std::optional<coproc::link::LinkSight> look_again(const SeenLink& link) const;

 private:
  KnownProcesses processes_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, coproc::os::ForeignMemory> memories_;
};

/// Why a process is not shown.
struct Missing {
  bool is_refused;  // the system does not permit to look into it
  const char* why;
};
/// nullopt: it is shown.
std::optional<Missing> why_missing(const Seen& seen, pid_t pid);
/// Says on stderr which of these processes cannot be shown, and why. Returns whether all can.
bool report_missing(const Seen& seen, const std::vector<pid_t>& pids);

/// Only these processes, and all that are linked to them or are their hosts or workers.
Seen only_around(Seen seen, const std::vector<pid_t>& pids);

}  // namespace command
