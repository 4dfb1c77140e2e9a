// Turns the host's request into a running target, in a worker that is no fork of its host.
//
// Thread safety: for the worker's first thread.
#pragma once

#include <functional>
#include <vector>

#include "coproc/detail/sent_worker.hpp"
#include "coproc/this_worker.hpp"
#include "os/fd.hpp"
#include "process/start_request.hpp"

namespace coproc::inline v0 {

/// A process::Prepare for this program: runs the code that the request names.
std::function<int()> prepare_named(process::StartRequest& request, std::vector<os::Fd> fds);

/// For an executable: runs `plan`, if it takes the arguments that arrive. Throws process::StartReport.
std::function<int()> prepare_plan(const detail::WorkerPlan& plan, process::StartRequest& request,
                                  std::vector<os::Fd> fds);

/// The same for what a program is sent, which `worker` prepares.
std::function<int()> prepare_sent(const detail::SentWorker& worker, process::StartRequest& request,
                                  std::vector<os::Fd> fds);

}  // namespace coproc::inline v0
