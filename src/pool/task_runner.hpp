// The code of a pool's worker: it runs the tasks that the host sends.
//
// Thread safety: only the worker's first thread may call these.
#pragma once

#include <string>

#include "coproc/detail/task.hpp"
#include "coproc/messenger.hpp"
#include "process/code_ref.hpp"

namespace coproc::inline v0::pool {

/// The start argument of a worker: its init and exit functions, and its processor.
struct WorkerSetup {
  process::CodeRef make_state;  // null if there is no init function
  process::CodeRef unmake_state;
  process::CodeRef init_function;
  process::CodeRef exit_function;
  std::string init;
  std::string exit;
  int processor = -1;  // the processor to which it is bound, or -1
};

/// Returns the name by which a worker finds this function, or null for null. Throws InvalidArgumentError, which says
/// that the function cannot be a pool's `role`.
process::CodeRef name_function(process::Function function, const char* role);

/// The target of workers that find their functions by name.
void run_pool_worker(PriorityMessenger& host, const WorkerSetup& setup);

/// The target of workers that are forks, in which all functions and objects have the same addresses.
struct ForkedPoolWorker {
  detail::TaskCode code;
  const void* context;
  int processor;

  void operator()(PriorityMessenger& host) const;
};

}  // namespace coproc::inline v0::pool
