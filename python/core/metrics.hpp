// The metrics of the workers and pools of this process.
#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

void bind_metrics(pybind11::module_& module);

}  // namespace coproc_python
