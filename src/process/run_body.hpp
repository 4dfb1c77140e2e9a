// Runs a worker's body to its end.
//
// Thread safety: for the worker's first thread.
#pragma once

#include <string>

#include "process/function_ref.hpp"

namespace coproc::inline v0::process {

/// Returns what `body` returns, or 1 if it throws: nothing unwinds into the frames outside. Ends the process if its
/// first thread leaves by pthread_exit().
int run_body(FunctionRef<int()> body, const std::string& name) noexcept;

}  // namespace coproc::inline v0::process
