// What the host of a Monitor asks of the monitor's process. Notes are sent as MonitorNote.
//
// Thread safety: values.
#pragma once

#include "coproc/monitor_result.hpp"

namespace coproc::inline v0::monitor {

/// Answered once the first sample is taken.
struct AskReady {
  using Reply = bool;
  bool is_asked = true;
};

struct AskResult {
  using Reply = MonitorResult;
  bool is_asked = true;
};

}  // namespace coproc::inline v0::monitor
