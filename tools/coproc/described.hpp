// What is seen of processes and links, in words and as JSON.
//
// Thread safety: free functions over values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "seen.hpp"

namespace command {

/// What a process does, in one word that stays as it is in later versions, and what more is known of it.
struct State {
  std::string word;    // "idle", "waits", "works", "blocked", "full", "stopped", "traced", "zombie", "hidden", "server"
  std::string detail;  // may be empty

  /// For people: "blocked: read".
  std::string text() const;
};
State state_of(const Seen& seen, const SeenProcess& process);

/// "indexer", without anything that a terminal would act upon.
std::string name_of(const SeenProcess& process);
/// "64 KiB", of a power of two.
std::string ring_text(std::uint64_t bytes);

/// The processes so that each follows its host, with the number of hosts above it.
struct InTree {
  const SeenProcess* process;
  int depth;
};
std::vector<InTree> tree_of(const Seen& seen);

/// "12 processes cannot be looked into: ..."; empty if all can.
std::string hidden_text(const Seen& seen);

nlohmann::json json_of(const Seen& seen, const SeenProcess& process);
nlohmann::json json_of_hidden(const Seen& seen);
/// For other programs to read, and harmless on a terminal.
std::string text_of(const nlohmann::json& json, int indent);

}  // namespace command
