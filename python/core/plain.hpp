// Numbers, text, and objects that hold nothing else: small messages, for which a pickle takes most of the time.
//
// An object is plain where pickling would do no more than name its class and copy its `__dict__`: what it does otherwise, and for anything
// that may be referred to twice, is left to pickle.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <string_view>

#include "main_names.hpp"

namespace coproc_python {

namespace py = pybind11;

/// Appends the object's bytes; false: it is not plain, or `main_names` says that its class is not found, and `out` holds anything.
bool encode_plain(py::handle object, std::string& out, const MainNames& main_names = {});

/// Throws coproc::DecodeError, and what importing the object's class throws.
py::object decode_plain(std::string_view bytes);

void bind_plain(py::module_& module);

}  // namespace coproc_python
