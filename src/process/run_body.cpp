#include "process/run_body.hpp"

#include <cstdio>
#include <exception>

#include "process/standard_streams.hpp"

namespace coproc::inline v0::process {

int run_body(FunctionRef<int()> body, const std::string& name) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coproc: %s left the worker's body: %s\n", name.c_str(), error.what());
    return 1;
  } catch (...) {
    // pthread_exit() unwinds, too, and must not be caught for good: this does not return.
    end_worker(1);
  }
}

}  // namespace coproc::inline v0::process
