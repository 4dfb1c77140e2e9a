// What a pool makes of an exception that comes out of one worker's messenger: that worker's end, and nobody else's
// error.
//
// Thread safety: as PoolCore.
#pragma once

#include <chrono>
#include <exception>
#include <string>

#include "coproc/errors.hpp"
#include "pool/core.hpp"

namespace coproc::inline v0::detail {

/// How long a worker may take to end after it has closed its link.
inline constexpr std::chrono::seconds kEndsWithin{2};

inline std::exception_ptr broken_rule(const pool::Slot& slot, const char* what) noexcept {
  try {
    throw ProtocolError("pool worker " + std::to_string(slot.insights.pid) + " has " + what);
  } catch (...) {
    return std::current_exception();
  }
}

/// Calls `talk`, which uses the slot's messenger. True: something has come of it, be it an end.
template <class Talk>
bool PoolCore::talk(Slot& slot, const Talk& talk) noexcept {
  using pool::KilledFor;
  try {
    return talk();
  } catch (const LinkClosedError&) {
    slot.await_end(kEndsWithin, broken_rule(slot, "closed its link and not ended: it was killed"));
  } catch (const InterruptedError&) {
    return false;  // nobody's: only the doorbell is meant to be interrupted
  } catch (const ProtocolError&) {
    slot.kill(KilledFor::failure, std::current_exception());
  } catch (const WorkerRequestedClose&) {
    slot.kill(KilledFor::failure, broken_rule(slot, "asked its host to close, which no pool worker does"));
  } catch (const RemoteOrigin&) {
    if (slot.core().has_final_error()) {
      // What has left its init or exit function; its exit status will say so, too.
      slot.await_end(options_.worker.stop.close.ns, broken_rule(slot, "told why it ends and not ended: it was killed"));
    } else {
      slot.kill(KilledFor::failure, broken_rule(slot, "sent an error that belongs to no task"));
    }
  } catch (...) {
    slot.kill(KilledFor::failure, std::current_exception());
  }
  look_for_end(slot);
  return true;
}

}  // namespace coproc::inline v0::detail
