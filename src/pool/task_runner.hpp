// What runs in a pool's worker: tasks, as the host sends them.
//
// Thread safety: for the worker's first thread.
#pragma once

#include <string>

#include "coproc/detail/task.hpp"
#include "coproc/messenger.hpp"
#include "process/code_ref.hpp"

namespace coproc::inline v0::pool {

/// The start argument of a worker.
struct WorkerSetup {
  process::CodeRef make_state;  // null: no init function
  process::CodeRef unmake_state;
  process::CodeRef init_function;
  process::CodeRef exit_function;
  std::string init;
  std::string exit;
  int processor = -1;  // to stay on; -1: any
};

/// How a worker finds this function; null for null. Throws InvalidArgumentError: `role` says what it cannot be.
process::CodeRef name_function(process::Function function, const char* role);

/// The target of workers that are found again by name.
void run_pool_worker(PriorityMessenger& host, const WorkerSetup& setup);

/// The target of workers that are forks: everything lies at the same address in them.
struct ForkedPoolWorker {
  detail::TaskCode code;
  const void* context;
  int processor;

  void operator()(PriorityMessenger& host) const;
};

}  // namespace coproc::inline v0::pool
