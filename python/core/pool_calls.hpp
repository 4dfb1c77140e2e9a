// Turns the arguments of Python calls into tasks of a pool.
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

/// Packs arguments, each by itself, into tasks of up to `stretch` calls.
///
/// Every argument is pickled when it is added, and none is kept, except for large buffers that need not be copied.
/// Therefore an argument that cannot be pickled or unpickled fails only its own call.
///
/// Thread safety: the interpreter's lock. The finished tasks can be used without it.
class CallWriter {
 public:
  /// `main_names` are the names that the workers have of the main module. With `copies` no memory of an argument is
  /// used after `add`.
  CallWriter(MainNames main_names, std::size_t stretch, bool copies)
      : main_names_(std::move(main_names)), stretch_(stretch), copies_(copies) {}

  /// Adds an argument. If its pickling raises an exception, it becomes a call that fails with this exception. Throws
  /// KeyboardInterrupt and SystemExit; the arguments that were added before are kept.
  void add(py::handle argument);
  /// Returns the tasks of all arguments that were added since the last call.
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
  std::vector<std::size_t> ends_;  // the ends of the calls in the stretch that is being filled
};

}  // namespace coproc_python
