// Which frames of a worker's stack are the library's own.
//
// Thread safety: free functions.
#pragma once

#include <string>
#include <vector>

namespace coproc::inline v0 {

/// Removes the outermost frames that only lead to the target. The signal handlers of the worker leave out most of them;
/// this removes those that can be told only by name.
void leave_out_own_frames(std::vector<std::string>& stack);

}  // namespace coproc::inline v0
