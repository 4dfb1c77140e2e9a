#include "described.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <set>

#include "coproc/detail/foreign_text.hpp"

namespace command {

namespace {

const char* name_of_reason(std::uint32_t reason) {
  constexpr std::array<const char*, 3> kNames = {"its_end", "another_end", "recycled"};
  return reason < kNames.size() ? kNames[reason] : "?";
}

nlohmann::json json_of(const coproc::link::RestartSight& restart) {
  return {{"number", restart.number},
          {"time", static_cast<double>(restart.time_ns) / 1e9},
          {"reason", name_of_reason(restart.reason)},
          {"pid_before", restart.pid_before},
          {"text", coproc::detail::in_one_line(restart.text, restart.text.size())}};
}

std::string name_of_user(uid_t user) {
  const passwd* const entry = ::getpwuid(user);
  return entry == nullptr ? "user " + std::to_string(user) : coproc::detail::in_one_line(entry->pw_name);
}

}  // namespace

std::string State::text() const { return detail.empty() ? word : word + ": " + detail; }

State state_of(const Seen& seen, const SeenProcess& process) {
  switch (process.sample.state) {
    case 'Z':
    case 'X':
      return {"zombie", {}};
    case 'T':
      return {"stopped", {}};
    case 't':
      return {"traced", {}};
    default:
      break;
  }
  if (process.is_hidden) return {"hidden", {}};
  if (process.role == Role::fork_server) return {"server", {}};
  bool waits_for_host = false, waits_for_worker = false;
  bool waits_at_pair = false;
  for (const SeenLink& link : seen.links) {
    if (!link.sight) continue;
    // Which end of a pair this process has is not known.
    if (link.kind == LinkKind::pair && std::ranges::count(link.processes, process.pid) != 0)
      waits_at_pair |= link.sight->side[0].waits_for_records() && link.sight->side[1].waits_for_records();
    if (link.kind != LinkKind::worker) continue;
    const bool is_host = link.host == process.pid;
    if (!is_host && link.worker != process.pid) continue;
    const int end = is_host ? 0 : 1;
    if (link.sight->is_blocked(end)) {
      if (!is_host) return {"full", "its host does not read"};
      return {"full", "worker " + std::to_string(link.worker) + " does not read"};
    }
    if (link.sight->side[end].waits_for_records()) (is_host ? waits_for_worker : waits_for_host) = true;
  }
  if (process.sample.state == 'R') return {"works", {}};
  if (process.sample.state != 'D') {
    if (waits_for_host) return {"idle", {}};
    if (waits_at_pair) return {"waits", "at a pair"};
    if (waits_for_worker) return {"waits", "for a worker"};
  }
  return {"blocked", process.call};
}

std::string name_of(const SeenProcess& process) { return coproc::detail::in_one_line(process.sample.name); }

std::string ring_text(std::uint64_t bytes) {
  if (bytes >= 1U << 20) return std::to_string(bytes >> 20) + " MiB";
  return std::to_string(bytes >> 10) + " KiB";
}

std::vector<InTree> tree_of(const Seen& seen) {
  std::vector<InTree> tree;
  std::set<pid_t> done;
  const std::function<void(const SeenProcess&, int)> add = [&](const SeenProcess& process, int depth) {
    if (!done.insert(process.pid).second) return;
    tree.push_back({&process, depth});
    for (const SeenProcess& other : seen.processes) {
      if (other.host == process.pid) add(other, depth + 1);
    }
  };
  for (const SeenProcess& process : seen.processes) {
    if (seen.process(process.host) == nullptr) add(process, 0);
  }
  for (const SeenProcess& process : seen.processes) add(process, 0);  // hosts in a circle: somebody plays tricks
  return tree;
}

std::string hidden_text(const Seen& seen) {
  int count = 0;
  std::string users;
  for (const auto& [user, processes] : seen.hidden) {
    count += processes;
    users += (users.empty() ? "" : ", ") + name_of_user(user) + " (" + std::to_string(processes) + ')';
  }
  if (count == 0) return {};
  const char* const remedy =
      ::geteuid() == 0 ? ", which have rights that coproc was not given here" : ": run coproc as that user, or as root";
  return std::to_string(count) + (count == 1 ? " process" : " processes") + " cannot be looked into, of " + users +
         remedy;
}

nlohmann::json json_of(const Seen& seen, const SeenProcess& process) {
  const State state = state_of(seen, process);
  const SeenLink* const link = seen.link_of_worker(process.pid);
  nlohmann::json object = {{"pid", process.pid},
                           {"name", process.sample.name},
                           {"user", process.user},
                           {"host", nullptr},
                           {"is_worker", link != nullptr},
                           {"start", nullptr},
                           {"state", state.word},
                           {"detail", state.detail},
                           {"threads", process.sample.threads},
                           {"resident_bytes", process.sample.resident_bytes},
                           {"shared_bytes", process.sample.shared_bytes},
                           {"processor_seconds", std::chrono::duration<double>(process.sample.processor_time).count()},
                           {"restart", nullptr}};
  if (link != nullptr && link->restart) object["restart"] = json_of(*link->restart);
  if (process.host != 0) object["host"] = process.host;
  if (!process.start.empty()) object["start"] = process.start;
  return object;
}

nlohmann::json json_of_hidden(const Seen& seen) {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& [user, processes] : seen.hidden) all.push_back({{"user", user}, {"processes", processes}});
  return all;
}

std::string text_of(const nlohmann::json& json, int indent) {
  // ASCII alone: what a terminal acts upon is escaped. Names may be no UTF-8.
  return json.dump(indent, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace command
