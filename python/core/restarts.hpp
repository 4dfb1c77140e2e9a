// Workers that are started again when they end: what coproc.Supervised is made of, over the supervision of the core.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/pool_options.hpp>

#include "worker.hpp"

namespace coproc_python {

/// Whether this supervised worker has ended, so that it is to be started again unless its end is final. Needs the
/// interpreter's lock, which it releases meanwhile.
bool awaits_restart(Worker& worker);

/// Takes `restart`, `health` and `recycle` from options of Python. Throws TypeError and ValueError.
void take_pool_options(coproc::PoolOptions& options, const pybind11::dict& from);

void bind_restarts(pybind11::module_& module, pybind11::class_<Worker, std::shared_ptr<Worker>>& worker);

}  // namespace coproc_python
