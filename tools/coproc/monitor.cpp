#include "monitor.hpp"

#include <iostream>

#include "running.hpp"

namespace command {

int monitor(const MonitorRequest& request) {
  coproc::check_monitor_options(request.options);
  Running running(request.command);
  coproc::MonitorOptions options = request.options;
  options.pid = running.pid();
  coproc::MonitorRecorder recorder(options);
  if (const int code = running.go_on(); code != 0) return code;

  while (!running.has_ended()) {
    recorder.sample();
    running.wait(recorder.until_next_sample());
  }
  const int code = running.exit_code();
  recorder.finish();
  if (!request.is_quiet) std::cerr << recorder.result().table();
  return code;
}

}  // namespace command
