// The host's side of Worker::stack: asks each thread of a worker where it is.
//
// Thread safety: one request at a time for each worker.
// Invariants: the worker is not trusted, and may answer late, wrongly, or never. Its area is copied, and a copy counts
// only if it holds the answer to this request.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "coproc/thread_stack.hpp"
#include "os/clock.hpp"
#include "os/threads_of.hpp"
#include "process/crash_area.hpp"
#include "process/function_ref.hpp"

namespace coproc::inline v0::process {

/// What the system says of a thread, with an empty stack.
ThreadStack thread_without_stack(const os::ThreadState& thread);

/// A thread without its stack, and its answer, which describe_stack() turns into one. Without an answer, the thread has
/// a note that says why.
struct AskedThread {
  ThreadStack thread;
  std::optional<CrashArea> answer;
};

/// Returns what the area holds now, if that is the answer to this request.
std::optional<CrashArea> copy_answer(const CrashArea& area, std::uint32_t request);

/// Asks the threads of this process one after the other, and waits for their answers until the deadline: for each one
/// for its share of the time that is left. `look` returns what copy_answer() returns. `last_request` is the number of
/// the latest request to this worker.
std::vector<AskedThread> ask_for_stacks(pid_t process, std::uint32_t& last_request, const os::Deadline& deadline,
                                        FunctionRef<std::optional<CrashArea>(std::uint32_t)> look);

}  // namespace coproc::inline v0::process
