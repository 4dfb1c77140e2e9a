#include "process/standard_streams.hpp"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <iostream>

#include "step/step.hpp"

namespace coproc::inline v0::process {

void flush_standard_streams() noexcept {
  static const std::ios_base::Init streams_exist;  // also where a static initialiser starts a worker
  try {
    std::cout.flush();
    std::cerr.flush();
  } catch (
      ...) {  // a stream with exceptions() whose file is full or closed: that is for the program's next print to say
  }
  ::fflush(stdout);
  ::fflush(stderr);
}

void end_worker(int code) noexcept {
  step("end: before the streams are flushed");
  flush_standard_streams();
  step("end: before _exit");
  ::_exit(code);
}

void end_worker_at_exit() noexcept {
  // Handlers run last in, first out: this one comes before all that the host had registered.
  (void)::on_exit([](int status, void*) { end_worker(status); }, nullptr);
}

}  // namespace coproc::inline v0::process
