// Turns exceptions into the statuses of c.h.
//
// Thread safety: any thread. The text of the last failure is the thread's own.
#pragma once

#include <cxxabi.h>

#include <chrono>
#include <cstdint>

#include "coproc/c.h"
#include "coproc/timeout.hpp"

namespace coproc::inline v0::c_api {

/// Notes the exception that is being handled as the thread's last failure, and returns its status.
coproc_status note_exception() noexcept;

/// Throws InvalidArgumentError if the pointer is null. `function` and `argument` are those of c.h.
void require(const void* pointer, const char* function, const char* argument);

/// Runs the body of a function of c.h. No exception leaves it but the unwinding of a thread that is cancelled or calls
/// pthread_exit, which must not be stopped, and which C's own functions do not stop either.
// __forced_unwind refers to an object that is not complete, which the sanitizer would report.
template <class Body>
__attribute__((no_sanitize("undefined"))) coproc_status guarded(const Body& body) {
  try {
    body();
    return COPROC_OK;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    return note_exception();
  }
}

inline Timeout timeout_of(std::int64_t milliseconds) noexcept {
  return milliseconds < 0 ? kForever : Timeout(std::chrono::milliseconds(milliseconds));
}

}  // namespace coproc::inline v0::c_api
