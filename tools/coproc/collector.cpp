#include "collector.hpp"

#include <cstddef>

#include "described.hpp"
#include "described_link.hpp"

namespace command {

Collector::Collector(const std::vector<pid_t>& pids) : sees_all_(pids.empty()) {
  Seen seen = watcher_.look();
  for (const pid_t pid : pids) {
    const SeenProcess* const process = seen.process(pid);
    if (process != nullptr) wanted_.emplace_back(pid, process->sample.start_ticks);
  }
  take(std::move(seen));
}

void Collector::look() { take(watcher_.look()); }

void Collector::take(Seen seen) {
  seen_ = only_wanted(std::move(seen));
  time_ = Time::clock::now();
  rates_.update(watcher_, seen_, time_);
}

Seen Collector::only_wanted(Seen seen) const {
  if (sees_all_) return seen;
  std::vector<pid_t> pids;
  for (const auto& [pid, start] : wanted_) {
    const SeenProcess* const process = seen.process(pid);
    if (process != nullptr && process->sample.start_ticks == start) pids.push_back(pid);
  }
  return only_around(std::move(seen), pids);
}

nlohmann::json Collector::json() {
  nlohmann::json processes = nlohmann::json::array(), links = nlohmann::json::array();
  for (const auto& [process, depth] : tree_of(seen_)) {
    nlohmann::json& object = processes.emplace_back(json_of(seen_, *process));
    const auto rate = rates_.of(*process);
    object["processors"] = rate ? nlohmann::json(rate->processors) : nlohmann::json();
    object["state_seconds"] = rate ? nlohmann::json(rate->state_seconds) : nlohmann::json();
  }
  for (const SeenLink& link : seen_.links) {
    nlohmann::json& object = links.emplace_back(json_of(watcher_, link));
    for (const int from : {0, 1}) {
      if (!link.sight) continue;
      nlohmann::json& direction = object["directions"][static_cast<std::size_t>(from)];
      const auto rate = rates_.of(link, from);
      direction["bytes_per_second"] = rate ? nlohmann::json(rate->bytes) : nlohmann::json();
      direction["messages_per_second"] = rate && rate->messages ? nlohmann::json(*rate->messages) : nlohmann::json();
    }
  }
  return {{"time", std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count()},
          {"seconds", rates_.seconds()},
          {"processes", std::move(processes)},
          {"links", std::move(links)},
          {"not_seen", json_of_hidden(seen_)}};
}

}  // namespace command
