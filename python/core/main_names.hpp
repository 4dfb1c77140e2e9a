// The classes and functions of this program's main module that another process finds by name (coproc/main_module.py).
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <utility>

namespace coproc_python {

namespace py = pybind11;

/// Thread safety: the interpreter's lock.
class MainNames {
 public:
  /// Nothing is known of the other process, and everything is assumed to be there.
  MainNames() = default;
  explicit MainNames(py::object names)
      : names_(std::move(names)), number_(names_.is_none() ? 0 : names_.attr("number").cast<std::uint64_t>()) {}

  /// A number that each object of coproc.main_module has for itself; 0 if nothing is known.
  std::uint64_t number() const noexcept { return number_; }
  const py::object& object() const noexcept { return names_; }
  /// Whether the other process finds a class or function of `__main__` by its name, and has the same one.
  bool has(py::handle value) const { return number_ == 0 || names_.attr("has")(value).cast<bool>(); }
  /// Whether that is so for everything that is in `__main__` now.
  bool is_complete() const { return number_ == 0 || names_.attr("is_complete")().cast<bool>(); }

 private:
  py::object names_ = py::none();
  std::uint64_t number_ = 0;
};

}  // namespace coproc_python
