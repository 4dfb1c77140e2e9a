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
