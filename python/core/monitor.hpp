// The recorder of a Monitor, which the monitor's process in Python runs.
#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

void bind_monitor(pybind11::module_& module);

}  // namespace coproc_python
