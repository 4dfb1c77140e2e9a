#include "map_dot.hpp"

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "described.hpp"
#include "monitor/numbers.hpp"

namespace command {

namespace {

/// In quotes, as Graphviz reads it: with a line for each of these.
std::string label(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    if (!text.empty()) text += "\\n";
    for (const char c : line) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
  }
  return '"' + text + '"';
}

std::string traffic(Watcher& watcher, const SeenLink& link, int from, const char* arrow) {
  return arrow + coproc::monitor::bytes_text(link.sight->ring[from].tail) + ", unread " +
         unread_text(watcher, link, from);
}

/// How an edge for this link is drawn: what is in it, and red if an end of it cannot go on.
std::string attributes(Watcher& watcher, const SeenLink& link, const char* first, const char* second) {
  if (!link.sight) return "label=" + label({link.refusal}) + ", color=red";
  const std::string text = "label=" + label({traffic(watcher, link, 0, first), traffic(watcher, link, 1, second)});
  return link.sight->is_blocked(0) || link.sight->is_blocked(1) ? text + ", color=red" : text;
}

void print_edge(const std::string& from, const std::string& to, const std::string& how) {
  std::cout << "  " << from << " -> " << to << " [" << how << "];\n";
}

std::string node(pid_t pid) { return "p" + std::to_string(pid); }

}  // namespace

void print_dot(Watcher& watcher, const Seen& seen) {
  std::cout << "digraph coproc {\n  node [shape=box];\n";
  for (const SeenProcess& process : seen.processes) {
    std::cout << "  " << node(process.pid) << " [label="
              << label({name_of(process) + ' ' + std::to_string(process.pid), state_of(seen, process).text()})
              << (process.role == Role::fork_server || process.is_hidden ? ", style=dashed" : "") << "];\n";
  }
  for (const SeenProcess& process : seen.processes) {
    if (process.host == 0) continue;
    const SeenLink* const link = seen.link_of_worker(process.pid);
    print_edge(node(process.host), node(process.pid),
               link == nullptr ? "style=dashed" : attributes(watcher, *link, "to it ", "back "));
  }
  int halves = 0;
  for (const SeenLink& link : seen.links) {
    if (seen.link_of_worker(link.worker) == &link || link.processes.empty()) continue;
    std::string other = node(link.processes.back());
    if (link.kind == LinkKind::half) {
      other = "gone" + std::to_string(++halves);
      std::cout << "  " << other << " [label=\"ended or hidden\", style=dotted];\n";
    }
    print_edge(node(link.processes.front()), other, attributes(watcher, link, "", "") + ", dir=none");
  }
  std::cout << "}\n";
}

}  // namespace command
