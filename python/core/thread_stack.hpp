// Binds ThreadStack.
#pragma once

#include <pybind11/pybind11.h>

namespace coproc_python {

void bind_thread_stack(pybind11::module_& module);

}  // namespace coproc_python
