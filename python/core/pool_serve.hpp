// The loop of the workers of a Python pool.
#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

void bind_pool_serve(pybind11::module_& module);

}  // namespace coproc_python
