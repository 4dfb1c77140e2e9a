// What a send is given, as the messenger's codec makes it.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>

#include "pickling.hpp"

namespace coproc_python {

/// With the interpreter's lock, but for `visit`.
class OutgoingData {
 public:
  /// `pickles`: else it is MessagePack.
  OutgoingData(py::handle data, bool pickles, const MainNames& main_names = {}) {
    if (pickles) {
      pickled_.emplace(data, main_names);
    } else {
      bytes_ = py::module_::import("coproc.interop").attr("pack")(data);
      packed_.out = {PyBytes_AS_STRING(bytes_.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes_.ptr()))};
    }
  }

  /// Bytes in all.
  std::size_t size() const noexcept { return pickled_ ? pickled_->size() : packed_.out.size; }
  /// Calls `f` with what is to be sent.
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
