// Binds LinkOptions, StopOptions and ExitStatus.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/options.hpp>

namespace coproc_python {

void bind_options(pybind11::module_& module);
void bind_exit_status(pybind11::module_& module);

}  // namespace coproc_python
