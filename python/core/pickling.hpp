// Makes Values of Python objects and back, together with coproc/pickling.py.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "main_names.hpp"
#include "value.hpp"

namespace coproc_python {

namespace py = pybind11;

/// A pickled object to be sent: its bytes, and the objects that keep them. Thread safety: the interpreter's lock,
/// except for `value`.
class Pickled {
 public:
  /// Functions and classes that are not in `main_names` travel by value, if cloudpickle is installed. Throws
  /// pickle.PicklingError, and the exceptions of the object's methods.
  Pickled(py::handle object, const MainNames& main_names);
  Pickled(const Pickled&) = delete;
  Pickled& operator=(const Pickled&) = delete;
  ~Pickled();

  const Value& value() const noexcept { return value_; }
  /// The size of all parts in bytes.
  std::size_t size() const noexcept { return size_; }

 private:
  friend class PickleSink;
  bool take_whole(py::handle object);
  void pickle(py::handle object, const MainNames& main_names);
  void clear();
  bool mentions_main() const;
  void hold(py::handle object, std::vector<Piece>& into);

  Value value_;
  std::string plain_;
  std::size_t size_ = 0;
  std::vector<py::object> kept_;
  std::vector<Py_buffer> buffers_;
};

/// Makes the object of a received value, and uses up the value. Throws the exceptions of unpickling.
py::object unpickle(Value&& value);

/// Makes the object of a value whose sender is not trusted, which must be MessagePack. Throws coproc::DecodeError.
py::object unpack_only(Value&& value);

/// Loads coproc.pickling. Call once, when the module is made.
void bind_pickling(py::module_& module);

}  // namespace coproc_python
