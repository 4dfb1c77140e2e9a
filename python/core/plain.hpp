// Numbers, text, and objects that hold nothing else: small messages, for which a pickle takes most of the time.
//
// An object is plain if pickling it would only name its class and copy its `__dict__`. All other objects, and those
// that may be referred to twice, are left to pickle.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <string_view>

#include "main_names.hpp"

namespace coproc_python {

namespace py = pybind11;

/// Appends the object's bytes. Returns false, with anything in `out`, if the object is not plain or its class is not in
/// `main_names`.
bool encode_plain(py::handle object, std::string& out, const MainNames& main_names = {});

/// Makes the object. Throws coproc::DecodeError, and the exceptions of importing the object's class.
py::object decode_plain(std::string_view bytes);

void bind_plain(py::module_& module);

}  // namespace coproc_python
