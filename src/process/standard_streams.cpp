#include "process/standard_streams.hpp"

#include <stdio.h>

#include <iostream>

namespace coproc::inline v0::process {

void flush_standard_streams() noexcept {
  static const std::ios_base::Init streams_exist;  // also if a static initialiser starts a worker
  try {
    std::cout.flush();
    std::cerr.flush();
    std::clog.flush();
    std::wcout.flush();
    std::wcerr.flush();
    std::wclog.flush();
  } catch (...) {  // a stream with exceptions() whose file is full or closed: the program's next print reports it
  }
  ::fflush(stdout);
  ::fflush(stderr);
}

}  // namespace coproc::inline v0::process
