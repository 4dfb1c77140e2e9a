// Binds Sandbox, Limits and Confinement, and the way into a box.
#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

void bind_sandbox(pybind11::module_& module);

}  // namespace coproc_python
