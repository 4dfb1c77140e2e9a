// `coproc serve`: a page, for a browser on this machine, of what `coproc top` shows.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace command {

struct ServeRequest {
  std::vector<pid_t> pids;            // only what belongs to these; empty: all
  std::string address = "127.0.0.1";  // of this machine, at which it listens
  std::uint16_t port = 0;             // 0: any that is free
  std::chrono::duration<double> longest = std::chrono::hours(8);
};

/// Prints the page's address and answers until the time is over, which returns 0; or 1 if one of the processes cannot
/// be shown at the start, which is said on stderr; or 128 and the number of the signal that has ended it. Throws
/// std::runtime_error if it cannot listen there.
int serve(const ServeRequest& request);

}  // namespace command
