// Machines on which workers can run.
#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

void bind_machine(pybind11::module_& module);

}  // namespace coproc_python
