#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

void bind_worker(pybind11::module_& module);

}  // namespace coproc_python
