// The interpreter's lock: waiting without it, and taking it in a thread that may not have it.
//
// While the interpreter ends, Python calls pthread_exit() in a thread that asks for the lock. In the middle of C++ code
// that aborts the process. Such a thread sleeps instead until the process is gone, as threads do in Python 3.14.
#pragma once

#include <cxxabi.h>
#include <pybind11/pybind11.h>
#include <unistd.h>

namespace coproc_python {

/// Calls what asks for the lock.
template <class Ask>
auto ask_for_lock(Ask ask) noexcept {
  try {
    return ask();
  } catch (const abi::__forced_unwind&) {
    while (true) ::pause();  // to leave this would be to abort
  }
}

/// Lets other threads run Python. Cheaper than pybind11's, which looks after threads that Python has not made.
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

/// Has the lock, in any thread.
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
