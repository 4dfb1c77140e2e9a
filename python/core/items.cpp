#include "items.hpp"

#include <cstddef>

namespace coproc_python {

namespace {

constexpr int kDeepest = 3;

/// Whether it stays what it is, whatever its user does.
bool is_fixed(PyObject* item, int depth = 0) {
  if (item == Py_None || PyBool_Check(item) || PyLong_CheckExact(item) || PyFloat_CheckExact(item) ||
      PyUnicode_CheckExact(item) || PyBytes_CheckExact(item)) {
    return true;
  }
  if (!PyTuple_CheckExact(item) || depth == kDeepest) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(item); ++i) {
    if (!is_fixed(PyTuple_GET_ITEM(item, i), depth + 1)) return false;
  }
  return true;
}

/// Appends up to `count` items: what is fixed as it is, any other as `copy` makes it before the next one is asked for.
void draw(py::list items, const py::handle& source, std::size_t count, const py::function& copy) {
  for (; count != 0; --count) {
    const auto item = py::reinterpret_steal<py::object>(PyIter_Next(source.ptr()));
    if (!item) {
      if (PyErr_Occurred() != nullptr) throw py::error_already_set();
      return;
    }
    items.append(is_fixed(item.ptr()) ? item : copy(item));
  }
}

/// The first index, from `start` on, of an object of exactly this type, or -1. This calls no code of the objects'
/// classes.
Py_ssize_t find_type(const py::list& objects, const py::type& type, std::size_t start) {
  for (std::size_t i = start; i < objects.size(); ++i) {
    if (reinterpret_cast<PyObject*>(Py_TYPE(PyList_GET_ITEM(objects.ptr(), i))) == type.ptr()) {
      return static_cast<Py_ssize_t>(i);
    }
  }
  return -1;
}

}  // namespace

void bind_items(py::module_& module) {
  module.def("draw", &draw, py::arg("items"), py::arg("source"), py::arg("count"), py::arg("copy"));
  module.def("find_type", &find_type, py::arg("objects"), py::arg("type"), py::arg("start"));
}

}  // namespace coproc_python
