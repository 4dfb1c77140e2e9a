// Workers that are started again when they end: what coproc.Supervised is made of, over the supervision of the core.
#pragma once

#include <pybind11/pybind11.h>

#include "worker.hpp"

namespace coproc_python {

/// Whether this supervised worker has ended, so that it is to be started again unless its end is final. Needs the
/// interpreter's lock, which it releases meanwhile.
bool awaits_restart(Worker& worker);

void bind_restarts(pybind11::module_& module, pybind11::class_<Worker, std::shared_ptr<Worker>>& worker);

}  // namespace coproc_python
