// The start method `fork`.
//
// Thread safety: any thread. The child has one thread, a copy of the calling one.
#pragma once

#include <span>

#include "coproc/options.hpp"
#include "os/fork_guard.hpp"
#include "process/child.hpp"
#include "process/function_ref.hpp"
#include "sandbox/confine.hpp"

namespace coproc::inline v0::process {

/// Forks a worker that runs `body` and ends with the code that it returns, or 1 if it throws: nothing unwinds into
/// the host's frames. Returns in the host when the worker is about to call `body`. Of the objects in the table of
/// forks the worker keeps those in `keep`, with their descriptors. `prepare` is called in the worker before it confines
/// itself; `applied` is told what holds of the sandbox then. Throws StartError, whose stage is name_of() a
/// StartStage, and then leaves nothing behind; InvalidArgumentError.
Child start_by_fork(const WorkerOptions& options, std::span<os::ForkSensitive* const> keep, FunctionRef<int()> body,
                    FunctionRef<void()> prepare = {}, sandbox::Applied* applied = nullptr);

}  // namespace coproc::inline v0::process
