// Crashes, with a report in the memory whose descriptor is its only argument.
#include <cstdlib>

#include "os/memory.hpp"
#include "process/crash_handler.hpp"

namespace {

[[gnu::noinline]] void crash_in_the_program() {
  std::abort();
  asm volatile("");  // NOLINT: so that the call above is no jump
}

}  // namespace

int main(int argc, char** argv) {
  using namespace coproc;
  if (argc != 2) return 2;
  const os::Mapping memory = os::map_shared(os::Fd(std::atoi(argv[1])), process::kCrashReportBytes);
  process::report_crashes_into(std::span<std::byte, process::kCrashReportBytes>(memory.data(), memory.size()));
  crash_in_the_program();
}
