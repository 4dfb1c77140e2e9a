#include "worker/run_target.hpp"

#include <cxxabi.h>
#include <system_error>

#include <utility>

#include "coproc/errors.hpp"
#include "link/event_places.hpp"
#include "messenger/access.hpp"
#include "process/crash_handler.hpp"
#include "process/worker_end.hpp"
#include "step/step.hpp"

namespace coproc::inline v0 {

std::unique_ptr<detail::Core> make_worker_core(std::unique_ptr<link::Link> end, const LinkOptions& link, bool reorders,
                                               int host_pid, bool reports_crashes, std::size_t max_state_bytes) {
  static_assert(link::kCrashAreaBytes == process::kCrashReportBytes);
  end->forbid_handover();
  link::beat_into(end->beat_words());
  if (end->events() != nullptr) link::note_spans_in(link::EventPlace::worker, *end->events());
  if (reports_crashes) {
    try {
      process::report_crashes_into(end->crash_area());
    } catch (const std::system_error&) {
      // There is no memory for a signal stack, so the worker goes on without crash reports.
    }
  }
  detail::CoreOptions options;
  options.reorders = reorders;
  options.link = link;
  options.role = detail::Role::worker;
  options.peer = {"host", host_pid};
  options.max_state_bytes = max_state_bytes;
  options.throw_gone = [] {
    throw HostDiedError("the host of this worker is gone: nothing more can be sent or received");
  };
  return std::make_unique<detail::Core>(std::move(end), std::move(options));
}

// __forced_unwind refers to an object that is not complete, which the sanitizer would report.
__attribute__((no_sanitize("undefined"))) int run_target(const std::function<void()>& target,
                                                         Messenger& messenger) noexcept {
  try {
    step("target: before");
    process::leave_out_frames_from(__builtin_frame_address(0));
    target();
    step("target: returned");
    return 0;
  } catch (const ResourceRequestedClose&) {
    return 0;
  } catch (const HostDiedError&) {
    return 0;  // the host is gone
  } catch (const abi::__forced_unwind&) {
    process::exit_worker(1);  // pthread_exit(): its unwinding must not be stopped here
  } catch (...) {
    try {
      step("target: threw");
      detail::MessengerAccess::core(messenger)->send_current_exception({});
      step("target: exception sent");
    } catch (...) {
      // The host is gone, or has no room for the error, so only the exit code tells it.
    }
    return 1;
  }
}

}  // namespace coproc::inline v0
