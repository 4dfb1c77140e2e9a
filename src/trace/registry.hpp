// Which trace there is in this process.
//
// Thread safety: any thread.
#pragma once

#include "os/mutex.hpp"

namespace coproc::inline v0::trace {

class Recorder;

struct Registry {
  unsigned long generation;  // of forks; constant
  os::Mutex mutex;           // taken while a call of a messenger is under way, and never held where one is made
  Recorder* recorder COPROC_GUARDED_BY(mutex) = nullptr;

  /// Null: this process has never had a trace.
  static Registry* find() noexcept;
  /// A forked child gets another one than its parent, whose mutex another thread may have held. Throws std::bad_alloc.
  static Registry& of_process();
};

}  // namespace coproc::inline v0::trace
