// A target that is another program.
#pragma once

#include <string>
#include <vector>

namespace coproc::inline v0 {

/// A program that calls `coproc::this_worker::run(target)` in its main. It need not be built together with the host, but
/// with the same version of coproc; what it is started with must be what its own target takes.
///
///     coproc::WorkerResource worker{coproc::Executable{"/usr/lib/indexer/worker", {"--fast"}}};
///     worker.start(std::string("/data"));
struct Executable {
  /// Not searched for; relative to the host's working directory at the start.
  std::string path;
  /// The program's own, from argv[1] on. What the target is started with does not come this way.
  std::vector<std::string> arguments = {};
};

}  // namespace coproc::inline v0
