// Errors between the languages: C++'s become Python's, and a Python exception travels as itself.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/error_payload.hpp>
#include <coproc/errors.hpp>
#include <coproc/exit_status.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <string>

namespace coproc_python {

namespace py = pybind11;

/// A Python exception that is sent to another process. A program that is not in Python gets `what()`.
class PythonError : public std::exception {
 public:
  PythonError(std::string type_name, std::string text, std::string traceback, std::string pickle, bool has_escaped)
      : type_name_(std::move(type_name)),
        text_(std::move(text)),
        traceback_(std::move(traceback)),
        pickle_(std::move(pickle)),
        has_escaped_(has_escaped),
        what_(text_.empty() ? type_name_ : type_name_ + ": " + text_) {}

  const char* what() const noexcept override { return what_.c_str(); }
  const std::string& type_name() const noexcept { return type_name_; }
  const std::string& text() const noexcept { return text_; }
  const std::string& traceback() const noexcept { return traceback_; }
  /// The pickle, or empty if the exception cannot be pickled.
  const std::string& pickle() const noexcept { return pickle_; }
  /// Whether the exception has left the target, and so ended its worker.
  bool has_escaped() const noexcept { return has_escaped_; }

 private:
  std::string type_name_, text_, traceback_, pickle_;
  bool has_escaped_;
  std::string what_;
};

/// Makes a str of text that may contain any bytes, such as that of C++ programs and file names.
py::str text_of(std::string_view bytes);
/// Replaces the names of the C++ API in a text of the library by those of the Python API.
py::str in_pythons_words(std::string text);
/// Removes the C++ type of a Python exception from `exception_text`, so that the text begins with the Python type.
coproc::ExitStatus in_python(coproc::ExitStatus status);

PythonError to_python_error(py::handle exception);
/// Makes the error of what `coproc.errors.parts_of` returns.
PythonError python_error_of(const py::tuple& parts, bool has_escaped = false);
/// Makes the error of an exception that has left a target. Only subclasses of Exception arrive as themselves.
PythonError escaped_error(const py::error_already_set& error);

/// Calls the target of a worker. A close request and the end of the host end it as a return does; an exit, which is no
/// error of it either, is kept in `exit` until the worker has ended. Throws what escaped_error() makes.
void call_target(const std::function<void()>& target, std::optional<py::error_already_set>& exit);

/// Makes the exception that a peer sent. It is a RemoteError if the exception cannot be made here, or must not be
/// unpickled. Throws py::error_already_set for Ctrl-C.
py::object remote_exception(const PythonError& error, bool unpickles);
/// Throws py::error_already_set for this exception; and for what remote_exception() makes.
[[noreturn]] void raise_exception(const py::object& exception);
[[noreturn]] void raise_remote(const PythonError& error, bool unpickles);

/// Whether the other side has sent this error, and so it is not one of the call that throws it.
inline bool is_of_other_side(const std::exception& error) noexcept {
  return dynamic_cast<const coproc::RemoteOrigin*>(&error) != nullptr;
}

/// Raises the error of the core that is being handled.
[[noreturn]] void raise_errors_of(bool unpickles);

/// Calls `f`. Errors that other processes have sent, alone or as a cause, are unpickled if `unpickles` says so.
template <class F>
auto with_errors_of(bool unpickles, F f) {
  try {
    return f();
  } catch (const PythonError& error) {
    raise_remote(error, unpickles);
  } catch (const coproc::PoolBrokenError&) {
    raise_errors_of(unpickles);
  }
}

/// Returns the Python exception that this one would be raised as, with `unpickles` as for raise_remote.
py::object exception_object(const std::exception_ptr& error, bool unpickles);

void bind_errors(py::module_& module);

}  // namespace coproc_python

template <>
struct coproc::Codec<coproc_python::PythonError> {
  static constexpr std::string_view name = "coproc.python.error";
  static void encode(Encoder& encoder, const coproc_python::PythonError& error);
  static coproc_python::PythonError decode(Decoder& decoder);
};
