// The arguments of Python calls as the tasks of a pool.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/detail/task.hpp>
#include <coproc/encoder.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "main_names.hpp"

namespace coproc_python {

namespace py = pybind11;

/// Packs arguments, each by itself, into tasks of up to so many calls.
///
/// Every argument is pickled when it is added, and none is kept, except for large buffers that need not be copied. So
/// an argument that cannot be pickled, or unpickled, costs its own call alone.
///
/// Thread safety: the interpreter's lock. The tasks need it for nothing.
class CallWriter {
 public:
  /// `main_names`: what the workers have of the main module. `copies`: nothing of an argument is used later.
  CallWriter(MainNames main_names, std::size_t stretch, bool copies)
      : main_names_(std::move(main_names)), stretch_(stretch), copies_(copies) {}

  /// An argument whose pickling raises becomes a call that fails with this exception. Throws KeyboardInterrupt and
  /// SystemExit; the arguments before stay.
  void add(py::handle argument);
  /// All that were added since the last call.
  std::vector<coproc::detail::TaskPtr> take();

 private:
  bool add_plain(py::handle argument);
  void end_call();
  void end_stretch();

  const MainNames main_names_;
  const std::size_t stretch_;
  const bool copies_;
  std::vector<coproc::detail::TaskPtr> tasks_;
  coproc::detail::Buffer bytes_;
  std::string plain_;
  std::vector<std::size_t> ends_;  // of the calls of the stretch that is being filled
};

}  // namespace coproc_python
