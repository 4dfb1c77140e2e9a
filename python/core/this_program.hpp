#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

void bind_this_program(pybind11::module_& module);

}  // namespace coproc_python
