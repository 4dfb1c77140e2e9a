// `coproc bench`: what messages, starts and tasks take on this machine, beside what no library can beat.
#pragma once

namespace command {

struct BenchRequest {
  bool is_quick = false;
  bool wants_json = false;
};

/// Measures for some seconds and prints the figures. Returns 0. Throws what a start of a worker throws.
int bench(const BenchRequest& request);

}  // namespace command
