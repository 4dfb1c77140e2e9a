// Runs a worker's body to its end.
//
// Thread safety: for the worker's first thread.
#pragma once

#include <string>

#include "process/function_ref.hpp"

namespace coproc::inline v0::process {

/// What `body` returns; 1 where it throws: nothing unwinds into what came before. Ends the process where its first thread
/// leaves by pthread_exit().
int run_body(FunctionRef<int()> body, const std::string& name) noexcept;

}  // namespace coproc::inline v0::process
