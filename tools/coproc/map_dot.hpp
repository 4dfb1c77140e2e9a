// `coproc map --dot`: the same as a graph, in the language of Graphviz.
#pragma once

#include "described_link.hpp"
#include "seen.hpp"

namespace command {

/// Prints a graph: a box for each process, an arrow from each host to what is its own, with what was sent and is unread
/// each way, and a line for each other link.
void print_dot(Watcher& watcher, const Seen& seen);

}  // namespace command
