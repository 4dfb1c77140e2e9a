// Python objects to Values and back, with what coproc/pickling.py says.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "main_names.hpp"
#include "value.hpp"

namespace coproc_python {

namespace py = pybind11;

/// An object on its way out: its bytes, and what keeps them. With the interpreter's lock, but for `value`.
class Pickled {
 public:
  /// Functions and classes that are not in `main_names` travel by value, if cloudpickle is installed. Throws
  /// pickle.PicklingError, and what methods of the object throw.
  Pickled(py::handle object, const MainNames& main_names);
  Pickled(const Pickled&) = delete;
  Pickled& operator=(const Pickled&) = delete;
  ~Pickled();

  const Value& value() const noexcept { return value_; }
  /// Bytes in all.
  std::size_t size() const noexcept { return size_; }

 private:
  friend class PickleSink;
  bool take_whole(py::handle object);
  void pickle(py::handle object, const MainNames& main_names);
  void clear();
  bool mentions_main() const;
  void hold(py::handle object, std::vector<Outgoing>& into);

  Value value_;
  std::string plain_;
  std::size_t size_ = 0;
  std::vector<py::object> kept_;
  std::vector<Py_buffer> buffers_;
};

/// The object of a received value, which is used up. Throws what unpickling throws.
py::object unpickle(Value&& value);

/// Loads coproc.pickling. Once, when the module is made.
void bind_pickling(py::module_& module);

}  // namespace coproc_python
