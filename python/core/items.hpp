// What a pool does for each item of an input and for each result: as few steps of the interpreter as can be.
#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

namespace py = pybind11;

void bind_items(py::module_& module);

}  // namespace coproc_python
