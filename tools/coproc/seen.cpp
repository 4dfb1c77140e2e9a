#include "seen.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <set>
#include <span>

namespace command {

namespace {

namespace os = coproc::os;
namespace link = coproc::link;

/// As it names itself (src/process/serve_forks.cpp).
constexpr const char* kForkServerName = "coproc-forks";

bool is_refusal(int error_number) noexcept { return error_number == EACCES || error_number == EPERM; }

std::pair<std::uint64_t, std::uint64_t> key_of(const os::FileId& file) { return {file.device, file.inode}; }

bool is_ancestor(const KnownProcesses& all, pid_t one, pid_t of) {
  for (int steps = 0; of > 0 && steps < 1000; ++steps) {  // pids may be used again meanwhile
    const auto found = all.find(of);
    if (found == all.end()) return false;
    of = found->second.parent();
    if (of == one) return true;
  }
  return false;
}

/// A process that has a link mapped.
struct Holder {
  pid_t pid;
  std::uint64_t address;
  std::optional<os::MemoryDescriptor> descriptor;
};

struct Found {
  os::FileId file;
  std::vector<Holder> holders;
};

/// A host has closed the descriptor of its worker's link, and a worker keeps its own if there are loans. Both ends of a
/// pair keep theirs.
void find_roles(SeenLink& seen, const Found& found, const KnownProcesses& all,
                const std::set<pid_t>& neighbours_of_hidden) {
  const std::vector<Holder>& holders = found.holders;
  if (holders.size() == 1) {
    const bool is_whole = holders[0].descriptor && !neighbours_of_hidden.contains(holders[0].pid);
    seen.kind = is_whole ? LinkKind::inside : LinkKind::half;
    return;
  }
  // More than two: a fork of one of them has kept the link. It is a descendant of the one that it is a copy of.
  for (const Holder& host : holders) {
    for (const Holder& worker : holders) {
      if (host.pid == worker.pid || host.descriptor) continue;
      const bool is_above = is_ancestor(all, host.pid, worker.pid);
      const bool is_below = is_ancestor(all, worker.pid, host.pid);
      if (is_above || (!is_below && worker.descriptor)) {
        seen.kind = LinkKind::worker;
        seen.host = host.pid;
        seen.worker = worker.pid;
        return;
      }
    }
  }
  seen.kind = LinkKind::pair;
}

}  // namespace

const SeenProcess* Seen::process(pid_t pid) const noexcept {
  const auto found = std::ranges::lower_bound(processes, pid, {}, &SeenProcess::pid);
  return found == processes.end() || found->pid != pid ? nullptr : &*found;
}

const SeenLink* Seen::link_of_worker(pid_t pid) const noexcept {
  const auto found = std::ranges::find_if(
      links, [&](const SeenLink& link) { return link.kind == LinkKind::worker && link.worker == pid; });
  return found == links.end() ? nullptr : &*found;
}

namespace {

using Key = std::pair<std::uint64_t, std::uint64_t>;

/// What is known before any link is read.
struct Survey {
  explicit Survey(KnownProcesses& processes) : all(processes) {
    for (const auto& [pid, process] : all) {
      if (is_refusal(process.mapped().error_number)) hidden.insert(pid);
      if (!process.mapped().all.empty()) add(pid, process);
    }
  }
  void add(pid_t pid, const KnownProcess& process) {
    users.insert(pid);
    for (const os::MappedMemory& memory : process.mapped().all) {
      Holder holder{pid, memory.address, {}};
      const auto descriptor = std::ranges::find(process.descriptors(), memory.file, &os::MemoryDescriptor::file);
      if (descriptor != process.descriptors().end()) holder.descriptor = *descriptor;
      Found& entry = links[key_of(memory.file)];
      entry.file = memory.file;
      entry.holders.push_back(holder);
    }
  }
  std::set<pid_t> neighbours_of_hidden() const {
    std::set<pid_t> neighbours;
    for (const pid_t pid : hidden) neighbours.insert(all.at(pid).parent());
    for (const pid_t pid : users) {
      if (hidden.contains(all.at(pid).parent())) neighbours.insert(pid);
    }
    return neighbours;
  }

  KnownProcesses& all;
  std::map<Key, Found> links;
  std::set<pid_t> users;   // that have links mapped
  std::set<pid_t> hidden;  // that cannot be looked into
};

/// Reads the header by the descriptor that is open already, or in any other way.
bool read_header(os::ForeignMemory& memory, const std::vector<Holder>& holders, std::span<std::byte> header) {
  if (memory.has_descriptor() && memory.read(0, header)) return true;
  for (const Holder& holder : holders) {
    if (!holder.descriptor) continue;
    memory = os::ForeignMemory::by_descriptor(holder.pid, *holder.descriptor);
    if (memory.read(0, header)) return true;
  }
  for (const Holder& holder : holders) {
    memory = os::ForeignMemory::by_place(holder.pid, holder.address);
    if (memory.read(0, header)) return true;
  }
  return false;
}

void look_into(SeenLink& seen, os::ForeignMemory& memory, const std::vector<Holder>& holders) {
  std::array<std::byte, link::kSightBytes> header;
  if (!read_header(memory, holders, header)) {
    seen.refusal = "its memory cannot be read";
    return;
  }
  link::LinkLook look = link::sight_of(header);
  seen.sight = look.sight;
  seen.refusal = std::move(look.refusal);
  if (!seen.sight) return;
  std::array<std::byte, link::kRestartBytes> note;
  if (memory.read(link::kRestartNoteAt, note)) seen.restart = link::restart_of(note);
}

/// nullopt: it has ended meanwhile.
std::optional<SeenProcess> seen_process(pid_t pid, Survey& known) {
  KnownProcess& process = known.all.at(pid);
  const KnownProcess::Details* const details = process.details();
  if (details == nullptr) return std::nullopt;
  SeenProcess one;
  one.pid = pid;
  one.sample = details->sample;
  one.call = details->call;
  one.user = process.user();
  one.is_hidden = known.hidden.contains(pid);
  if (one.sample.name == kForkServerName && !known.users.contains(pid)) one.role = Role::fork_server;
  return one;
}

}  // namespace

Seen Watcher::look() {
  Seen seen;
  command::look(processes_);
  Survey known(processes_);
  for (const pid_t pid : known.hidden) ++seen.hidden[known.all.at(pid).user()];

  std::map<Key, os::ForeignMemory> before = std::exchange(memories_, {});
  std::map<pid_t, pid_t> host_of;
  const std::set<pid_t> neighbours_of_hidden = known.neighbours_of_hidden();
  for (const auto& [key, entry] : known.links) {
    SeenLink& one = seen.links.emplace_back();
    one.file = entry.file;
    for (const Holder& holder : entry.holders) one.processes.push_back(holder.pid);
    find_roles(one, entry, known.all, neighbours_of_hidden);
    if (one.kind == LinkKind::worker) host_of.emplace(one.worker, one.host);
    os::ForeignMemory& memory = memories_[key] = std::move(before[key]);
    look_into(one, memory, entry.holders);
  }

  // Fork servers have no link. Children that have ended or cannot be looked into may be workers, or may not.
  std::set<pid_t> shown = known.users;
  for (const auto& [pid, process] : known.all) {
    const bool is_of_interest =
        process.stat().name == kForkServerName || process.stat().state == 'Z' || known.hidden.contains(pid);
    if (!is_of_interest || !known.users.contains(process.parent())) continue;
    shown.insert(pid);
    host_of.emplace(pid, process.parent());
  }
  for (const pid_t pid : shown) {
    auto one = seen_process(pid, known);
    if (!one) continue;
    if (const auto host = host_of.find(pid); host != host_of.end()) one->host = host->second;
    if (seen.link_of_worker(pid) != nullptr) one->start = known.all.at(pid).start_by(known.all.at(one->host));
    seen.processes.push_back(std::move(*one));
  }
  return seen;
}

std::optional<std::uint64_t> Watcher::count_messages(const SeenLink& link, int from, std::uint64_t begin,
                                                     std::uint64_t end) const {
  if (begin == end) return 0;
  constexpr std::uint64_t kMost = 1 << 20;
  if (!link.sight || end < begin) return std::nullopt;
  const link::LinkSight& sight = *link.sight;
  if (end - begin > std::min(sight.ring_bytes, kMost)) return std::nullopt;
  std::vector<std::byte> records(end - begin);
  const std::uint64_t to_end = sight.ring_bytes - (begin & (sight.ring_bytes - 1));
  const std::span whole(records);
  const auto first = whole.first(std::min<std::uint64_t>(records.size(), to_end));
  if (!read(link, sight.place_of(from, begin), first)) return std::nullopt;
  if (!read(link, sight.place_of(from, 0), whole.subspan(first.size()))) return std::nullopt;
  const auto after = look_again(link);
  if (!after || after->ring[from].tail - begin > sight.ring_bytes) return std::nullopt;  // they may be overwritten
  return link::count_messages(records, sight.ring_bytes);
}

bool Watcher::read(const SeenLink& link, std::uint64_t at, std::span<std::byte> bytes) const {
  const auto memory = memories_.find(key_of(link.file));
  return memory != memories_.end() && memory->second.read(at, bytes);
}

std::optional<link::LinkSight> Watcher::look_again(const SeenLink& link) const {
  std::array<std::byte, link::kSightBytes> header;
  if (!read(link, 0, header)) return std::nullopt;
  return link::sight_of(header).sight;
}

std::optional<Missing> why_missing(const Seen& seen, pid_t pid) {
  const SeenProcess* const process = seen.process(pid);
  if (process != nullptr && !process->is_hidden) return std::nullopt;
  const os::MappedMemories mapped = os::mapped_memories_of(pid, link::kMemoryName);
  if (is_refusal(mapped.error_number))
    return Missing{true, "it cannot be looked into: run coproc as its user, or as root"};
  if (mapped.error_number != 0) return Missing{false, "there is no such process"};
  return Missing{false, "it does not use coproc"};
}

bool report_missing(const Seen& seen, const std::vector<pid_t>& pids) {
  bool are_all_found = true;
  for (const pid_t pid : pids) {
    const auto missing = why_missing(seen, pid);
    if (!missing) continue;
    are_all_found = false;
    std::fprintf(stderr, "coproc: process %d: %s\n", static_cast<int>(pid), missing->why);
  }
  return are_all_found;
}

Seen only_around(Seen seen, const std::vector<pid_t>& pids) {
  std::set<pid_t> wanted(pids.begin(), pids.end());
  for (bool grows = true; grows;) {
    const std::size_t before = wanted.size();
    for (const SeenProcess& one : seen.processes) {
      if (one.host == 0) continue;
      if (wanted.contains(one.pid)) wanted.insert(one.host);
      if (wanted.contains(one.host)) wanted.insert(one.pid);
    }
    for (const SeenLink& one : seen.links) {
      const bool is_wanted = std::ranges::any_of(one.processes, [&](pid_t pid) { return wanted.contains(pid); });
      if (is_wanted) wanted.insert(one.processes.begin(), one.processes.end());
    }
    grows = wanted.size() != before;
  }
  std::erase_if(seen.processes, [&](const SeenProcess& one) { return !wanted.contains(one.pid); });
  std::erase_if(seen.links, [&](const SeenLink& one) { return !wanted.contains(one.processes.front()); });
  return seen;
}

}  // namespace command
