#include "process/run_body.hpp"

#include <cstdio>
#include <exception>

#include "coproc/detail/foreign_text.hpp"
#include "process/worker_end.hpp"

namespace coproc::inline v0::process {

int run_body(FunctionRef<int()> body, const std::string& name) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "coproc: %s left the worker's body: %s\n", detail::in_one_line(name).c_str(),
                 detail::in_lines(error.what(), "    ").c_str());
    return 1;
  } catch (...) {
    // pthread_exit() unwinds, too, and its unwinding must not be stopped: this does not return.
    exit_worker(1);
  }
}

}  // namespace coproc::inline v0::process
