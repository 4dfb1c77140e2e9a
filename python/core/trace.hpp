// Traces, and the spans that they draw.
#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

void bind_trace(pybind11::module_& module);

}  // namespace coproc_python
