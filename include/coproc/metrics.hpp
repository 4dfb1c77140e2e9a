// The workers and pools of this process, as text that Prometheus reads. This header is not part of coproc.hpp.
//
//   coproc::Metrics metrics;
//   server.get("/metrics", [&] { return metrics.text(); });
#pragma once

#include <string>
#include <string_view>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

struct MetricsOptions {
  bool open = false;      ///< OpenMetrics 1.0; otherwise Prometheus' text format 0.0.4
  bool of_system = true;  ///< also memory and processor time, for which the system is asked: some 20 us a worker
};

/// Reports to Prometheus all workers and pools of this process, whichever part of the program has made them.
/// docs/metrics.md lists what is reported. There is nothing to register, and nothing is counted for it that was not
/// counted before.
///
/// In a process that was forked, it reports the workers and pools of that process alone.
///
/// Thread safety: any thread, while others use the workers and pools.
class COPROC_API Metrics {
 public:
  /// The metrics at this moment. Waits only for other threads that are just starting, draining or ending a worker, or
  /// use a pool, and for no process. Throws std::bad_alloc.
  std::string text(MetricsOptions options = {}) const;
  /// The Content-Type under which a server must send that text.
  static std::string_view content_type(MetricsOptions options = {}) noexcept;
};

}  // namespace coproc::inline v0
