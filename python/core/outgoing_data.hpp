// The argument of a send, in the form that the messenger sends.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>

#include "pickling.hpp"

namespace coproc_python {

/// Thread safety: the interpreter's lock, except for `visit`.
class OutgoingData {
 public:
  /// Pickles `data` if `pickles` says so; otherwise makes MessagePack of it.
  OutgoingData(py::handle data, bool pickles, const MainNames& main_names = {}) {
    if (pickles) {
      pickled_.emplace(data, main_names);
    } else {
      bytes_ = py::module_::import("coproc.interop").attr("pack")(data);
      packed_.out = {PyBytes_AS_STRING(bytes_.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes_.ptr()))};
    }
  }

  /// The size of all parts in bytes.
  std::size_t size() const noexcept { return pickled_ ? pickled_->size() : packed_.out.size; }
  /// Calls `f` with the value to be sent.
  template <class F>
  auto visit(F f) const {
    return pickled_ ? f(pickled_->value()) : f(packed_);
  }

 private:
  std::optional<Pickled> pickled_;
  py::bytes bytes_;
  Packed packed_;
};

}  // namespace coproc_python
