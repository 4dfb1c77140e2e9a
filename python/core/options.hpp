// Binds LinkOptions, StopOptions and ExitStatus.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/options.hpp>

namespace coproc_python {

/// Returns seconds, or None for "for ever".
pybind11::object seconds(coproc::Timeout timeout);

void bind_options(pybind11::module_& module);
void bind_exit_status(pybind11::module_& module);

}  // namespace coproc_python
