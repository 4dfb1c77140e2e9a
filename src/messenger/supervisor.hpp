// What a messenger whose worker has ended asks for another worker.
//
// Thread safety: called by the thread whose call has found the end, after it has left the core.
#pragma once

#include "coproc/errors.hpp"
#include "os/clock.hpp"

namespace coproc::inline v0::detail {

class Supervisor {
 public:
  virtual ~Supervisor() = default;

  /// Called for the error that tells of the worker's end, or of a rule of the link that it has broken, and which is
  /// being handled. Starts another worker if that is wanted, and so gives the messenger another core. Returns false if
  /// the deadline has passed before; otherwise the error is to be thrown to the user. Throws what is to be thrown
  /// instead.
  virtual bool replace_worker(const Error& error, const os::Deadline& deadline) = 0;
};

}  // namespace coproc::inline v0::detail
