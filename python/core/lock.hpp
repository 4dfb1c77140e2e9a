// The interpreter's lock: waiting without it, and taking it in a thread that may not have it.
//
// While the interpreter ends, Python calls pthread_exit() in a thread that asks for the lock. In the middle of C++ code
// that aborts the process. Such a thread sleeps instead until the process is gone, as threads do in Python 3.14.
#pragma once

#include <cxxabi.h>
#include <pybind11/pybind11.h>
#include <unistd.h>

namespace coproc_python {

/// Calls `ask`, which asks for the lock.
template <class Ask>
auto ask_for_lock(Ask ask) noexcept {
  try {
    return ask();
  } catch (const abi::__forced_unwind&) {
    while (true) ::pause();  // leaving this block would abort the process
  }
}

/// Calls a Python function with an argument, or with none if that is null, in the middle of C++ code. Throws what it
/// raises. Its code asks for the lock, too. Nothing may be destroyed here when the interpreter ends meanwhile.
inline pybind11::object call_python(pybind11::handle function, pybind11::handle argument = {}) {
  PyObject* result = nullptr;
  try {
    result = argument ? PyObject_CallOneArg(function.ptr(), argument.ptr()) : PyObject_CallNoArgs(function.ptr());
  } catch (const abi::__forced_unwind&) {
    while (true) ::pause();
  }
  if (result == nullptr) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::object>(result);
}

/// Releases the lock while it lives, so that other threads can run Python. It is cheaper than pybind11's class, which
/// also handles threads that were not made by Python.
class Unlocked {
 public:
  Unlocked() noexcept : state_(PyEval_SaveThread()) {}
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
  ~Unlocked() {
    ask_for_lock([this] { PyEval_RestoreThread(state_); });
  }

 private:
  PyThreadState* state_;
};

/// Holds the lock while it lives. May be used in any thread.
class Locked {
 public:
  Locked() noexcept : state_(ask_for_lock([] { return PyGILState_Ensure(); })) {}
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_;
};

}  // namespace coproc_python
