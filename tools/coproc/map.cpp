#include "map.hpp"

#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include "described.hpp"
#include "described_link.hpp"
#include "map_dot.hpp"
#include "monitor/numbers.hpp"
#include "seen.hpp"
#include "table.hpp"

namespace command {

namespace {

std::string sent_text(const SeenLink& link, int from) {
  return coproc::monitor::bytes_text(link.sight->ring[from].tail);
}

std::string who(const Seen& seen, pid_t pid) {
  const SeenProcess* const process = seen.process(pid);
  return (process == nullptr ? "?" : name_of(*process)) + ' ' + std::to_string(pid);
}

/// A link that is no worker's.
std::string other_link_text(Watcher& watcher, const Seen& seen, const SeenLink& link) {
  std::string text;
  for (const pid_t pid : link.processes) text += (text.empty() ? "" : " and ") + who(seen, pid);
  switch (link.kind) {
    case LinkKind::inside:
      text += ", both ends";
      break;
    case LinkKind::half:
      text += " and a process that has ended or cannot be looked into";
      break;
    default:
      break;
  }
  if (!link.sight) return text + ": " + link.refusal;
  return text + ": sent " + sent_text(link, 0) + " and " + sent_text(link, 1) + ", unread " +
         unread_text(watcher, link, 0) + " and " + unread_text(watcher, link, 1) + ", ring " +
         ring_text(link.sight->ring_bytes);
}

std::string start_text(const Seen& seen, const SeenProcess& process) {
  if (process.role == Role::fork_server || seen.link_of_worker(process.pid) == nullptr) return {};
  return process.start.empty() ? "?" : process.start;
}

void print(Watcher& watcher, const Seen& seen, bool are_all) {
  Table table({{"process"},
               {"pid", true},
               {"start"},
               {"state"},
               {"sent to it", true},
               {"unread", true},
               {"sent back", true},
               {"unread", true},
               {"ring", true}});
  std::string problems;
  for (const auto& [process, depth] : tree_of(seen)) {
    std::vector<std::string> row = {std::string(static_cast<std::size_t>(2 * depth), ' ') + name_of(*process),
                                    std::to_string(process->pid), start_text(seen, *process),
                                    state_of(seen, *process).text()};
    const SeenLink* const link = seen.link_of_worker(process->pid);
    if (link != nullptr && link->sight) {
      for (const int from : {0, 1}) {
        row.push_back(sent_text(*link, from));
        row.push_back(unread_text(watcher, *link, from));
      }
      row.push_back(ring_text(link->sight->ring_bytes));
    } else if (link != nullptr) {
      problems += "the link of " + who(seen, process->pid) + ": " + link->refusal + '\n';
    }
    row.resize(9);
    table.add(std::move(row));
  }
  if (seen.processes.empty()) {
    std::cout << "no process that can be looked into uses coproc\n";
  } else {
    for (const std::string& line : table.lines()) std::cout << line << '\n';
  }
  for (const SeenLink& link : seen.links) {
    if (seen.link_of_worker(link.worker) != &link) problems += "link of " + other_link_text(watcher, seen, link) + '\n';
  }
  std::cout << problems;
  if (const std::string hidden = hidden_text(seen); are_all && !hidden.empty()) std::cout << hidden << '\n';
}

void print_json(Watcher& watcher, const Seen& seen) {
  nlohmann::json processes = nlohmann::json::array(), links = nlohmann::json::array();
  for (const auto& [process, depth] : tree_of(seen)) processes.push_back(json_of(seen, *process));
  for (const SeenLink& link : seen.links) links.push_back(json_of(watcher, link));
  std::cout << text_of({{"processes", std::move(processes)},
                        {"links", std::move(links)},
                        {"not_seen", json_of_hidden(seen)}},
                       2)
            << '\n';
}

}  // namespace

int map(const MapRequest& request) {
  Watcher watcher;
  Seen seen = watcher.look();
  const bool are_all_found = report_missing(seen, request.pids);
  const bool are_all = request.pids.empty();
  if (!are_all) seen = only_around(std::move(seen), request.pids);
  if (request.wants_dot) {
    print_dot(watcher, seen);
  } else {
    request.wants_json ? print_json(watcher, seen) : print(watcher, seen, are_all);
  }
  return are_all_found ? 0 : 1;
}

}  // namespace command
