// The words behind a launcher's command: they start the far agent, which is sent there first if it is not there.
//
// Agent and program are kept there in a cache, ~/.cache/coproc/<build id>/, and are never changed, since another build
// has another name. A script of /bin/sh looks for them. It asks for one that is missing by a line on its stdout, reads
// it from its stdin, and executes the agent in its own place.
//
// Thread safety: free functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coproc::inline v0::agent {

/// A file that is sent there if the cache does not have it.
struct Shipped {
  std::string build_id;  // in hexadecimal digits; empty: nothing is sent
  std::uint64_t bytes = 0;
};

/// The word as a POSIX shell must be given it, whatever it consists of.
std::string quoted_for_shell(std::string_view word);

/// The words of the script. The agent is executed in this role. If `program` is not empty, it is told its place in the
/// cache.
std::vector<std::string> bootstrap(const std::string& role, const Shipped& agent, const Shipped& program);

}  // namespace coproc::inline v0::agent
