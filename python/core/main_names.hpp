// What of this program's main module another process finds by its name: coproc/main_module.py, as the core asks it.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <utility>

namespace coproc_python {

namespace py = pybind11;

/// With the interpreter's lock.
class MainNames {
 public:
  /// Nothing is known of the other process.
  MainNames() = default;
  explicit MainNames(py::object names)
      : names_(std::move(names)), number_(names_.is_none() ? 0 : names_.attr("number").cast<std::uint64_t>()) {}

  /// Another one for each object of coproc.main_module; 0: nothing is known.
  std::uint64_t number() const noexcept { return number_; }
  const py::object& object() const noexcept { return names_; }
  /// Whether a class or function of `__main__` is found there, and is the same.
  bool has(py::handle value) const { return number_ == 0 || names_.attr("has")(value).cast<bool>(); }
  /// Whether all that are in `__main__` now are.
  bool is_complete() const { return number_ == 0 || names_.attr("is_complete")().cast<bool>(); }

 private:
  py::object names_ = py::none();
  std::uint64_t number_ = 0;
};

}  // namespace coproc_python
