// A target that is another program.
#pragma once

#include <string>
#include <vector>

namespace coproc::inline v0 {

/// A program that calls `coproc::this_worker::run(target)` in its main. It need not be built together with the host,
/// but it must use the same version of coproc, and the arguments of `start` must be of the types that its target takes.
///
///     coproc::WorkerResource worker{coproc::Executable{"/usr/lib/indexer/worker", {"--fast"}}};
///     worker.start(std::string("/data"));
struct Executable {
  /// The path of the program. It is not searched for; a relative path starts at the working directory of the host at
  /// the start.
  std::string path;
  /// The arguments of the program, from argv[1] on. The arguments of the target do not travel this way.
  std::vector<std::string> arguments = {};
};

}  // namespace coproc::inline v0
