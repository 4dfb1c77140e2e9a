// Turns an exception of a worker's messenger into the end of that worker. Other workers and the caller are not
// affected.
//
// Thread safety: that of PoolCore.
#pragma once

#include <chrono>
#include <exception>
#include <string>

#include "coproc/detail/foreign_text.hpp"
#include "coproc/errors.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

/// How long a worker may take to end after it has closed its link.
inline constexpr std::chrono::seconds kEndsWithin{2};

/// Returns a ProtocolError that says what this worker "has" done.
inline std::exception_ptr make_protocol_error(const pool::Slot& slot, const char* what) noexcept {
  try {
    throw ProtocolError("pool worker " + std::to_string(slot.insights.pid) + " has " + what);
  } catch (...) {
    return std::current_exception();
  }
}

/// What this error says, as a part of another text.
inline std::string text_of(const std::exception_ptr& error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return in_lines(known.what(), "    ");
  } catch (...) {
    return "an exception that is no std::exception";
  }
  return "it is not known why";
}

/// Calls `talk`, which uses the messenger of the slot, and returns its result. If it throws, the worker is ended or
/// expected to end, and the result is true.
template <class Talk>
bool PoolCore::talk(Slot& slot, const Talk& talk) noexcept {
  using pool::KilledFor;
  try {
    return talk();
  } catch (const LinkClosedError&) {
    slot.await_end(kEndsWithin, make_protocol_error(slot, "closed its link and not ended: it was killed"));
  } catch (const InterruptedError&) {
    return false;  // only the doorbell is meant to be interrupted, so this interrupts no caller
  } catch (const ProtocolError&) {
    slot.kill(KilledFor::failure, std::current_exception());
  } catch (const WorkerRequestedClose&) {
    slot.kill(KilledFor::failure, make_protocol_error(slot, "asked its host to close, which no pool worker does"));
  } catch (const RemoteOrigin&) {
    if (slot.core().has_final_error()) {
      // An exception has left the init or exit function. The exit status will have it, too.
      slot.await_end(options_.worker.stop.close.ns,
                     make_protocol_error(slot, "told why it ends and not ended: it was killed"));
    } else {
      slot.kill(KilledFor::failure, make_protocol_error(slot, "sent an error that belongs to no task"));
    }
  } catch (...) {
    slot.kill(KilledFor::failure, std::current_exception());
  }
  take_end(slot);
  return true;
}

}  // namespace coproc::inline v0::detail
