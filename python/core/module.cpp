// coproc._core: the part of the Python module that is written in C++, over coproc's public headers alone.
#include <pybind11/pybind11.h>
#include <coproc/wait_hook.hpp>

#include "arguments.hpp"
#include "errors.hpp"
#include "lock.hpp"
#include "machine.hpp"
#include "memory.hpp"
#include "messenger.hpp"
#include "metrics.hpp"
#include "monitor.hpp"
#include "options.hpp"
#include "pickling.hpp"
#include "plain.hpp"
#include "pool.hpp"
#include "sandbox.hpp"
#include "stream.hpp"
#include "this_program.hpp"
#include "thread_stack.hpp"
#include "trace.hpp"
#include "turn.hpp"
#include "worker.hpp"

namespace coproc_python {

namespace {

/// Called in every wait: runs Python's handlers of the signals that have arrived. An exception of theirs, such as that
/// of Ctrl-C, ends the wait.
void run_signal_handlers() {
  if (Py_IsInitialized() == 0) return;
  const Locked locked;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace

}  // namespace coproc_python

PYBIND11_MODULE(_core, module) {
  using namespace coproc_python;
  module.doc() = "The C++ part of coproc.";
  module.attr("version") = COPROC_VERSION;
  bind_errors(module);
  bind_arguments(module);
  bind_pickling(module);
  bind_plain(module);
  bind_memory(module);
  bind_options(module);
  bind_exit_status(module);
  bind_thread_stack(module);
  bind_sandbox(module);
  bind_machine(module);
  bind_turn();
  bind_link_end(module);
  bind_messenger(module);
  bind_stream(module);
  bind_worker(module);
  bind_pool(module);
  bind_metrics(module);
  bind_trace(module);
  bind_monitor(module);
  bind_this_program(module);
  coproc::set_wait_hook(&run_signal_handlers);
}
