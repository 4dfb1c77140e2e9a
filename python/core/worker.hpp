// The workers of the core, which the worker resources of the Python module hold.
#pragma once

#include <pybind11/pybind11.h>
#include <coproc/adopted_worker.hpp>
#include <coproc/exit_status.hpp>
#include <coproc/supervised.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "messenger.hpp"

namespace coproc_python {

/// Thread safety: that of coproc::Worker. The destructor takes the interpreter's lock when it needs it.
class Worker {
 public:
  virtual ~Worker() = default;
  virtual coproc::Worker& life() noexcept = 0;
  virtual coproc::Messenger& messenger() = 0;

  std::string name;
  std::shared_ptr<EndReport> end_report = std::make_shared<EndReport>();
  /// Null: the worker is not started again when it ends. It goes before the worker is stopped.
  std::unique_ptr<coproc::detail::Supervision> supervision;
  bool watches_health = false;  // it is ended when it hangs

  /// Needs no interpreter's lock, and must not have it: this waits for a restart that is under way.
  void make_final() {
    if (supervision != nullptr) supervision->make_final();
  }
};

/// A worker whose process multiprocessing starts and reaps.
class Adopted : public Worker {
 public:
  virtual coproc::LinkEnd new_link() = 0;
  /// `ask` takes the interpreter's lock by itself.
  virtual void adopt(int pid, std::function<std::optional<coproc::ExitStatus>()> ask) = 0;
};

/// Calls `end`, which waits for processes, without the interpreter's lock; if `in_thread` is set, in a thread of its
/// own. The caller may or may not hold the lock.
void end_without_lock(std::function<void()> end, bool in_thread);

void bind_worker(pybind11::module_& module);

}  // namespace coproc_python
