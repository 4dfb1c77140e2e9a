// Watches this program, or another one: memory and processor time of a process and its descendants over time, with
// notes of the program. This header is not part of coproc.hpp.
//
//   coproc::Monitor monitor({.save_at_end = "run.svg"});
//   monitor.label("loaded", "12 files");
//   std::cout << monitor.result().table();
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "coproc/export.hpp"
#include "coproc/monitor_recorder.hpp"
#include "coproc/monitor_result.hpp"

namespace coproc::inline v0 {

/// What is done with a note.
struct NoteOptions {
  bool log = true;     ///< a line in the log file, if there is one
  bool label = true;   ///< a label in drawings
  bool print = false;  ///< a line on the standard output
};

/// A worker process that takes samples of a process and its descendants until this object is destroyed. There is no
/// thread in this process. However this process ends (a return, an exception, SIGKILL), the file of
/// `MonitorOptions::save_at_end` is written; only the end of the monitor's own process by SIGKILL, or of the machine,
/// prevents it.
///
/// Thread safety: any thread may make notes and ask for results.
class COPROC_API Monitor {
 public:
  /// Starts the worker, which takes its first sample before this returns. Throws InvalidArgumentError, StartError, and
  /// for a log file that cannot be written std::system_error or RemoteError.
  explicit Monitor(MonitorOptions options = {});
  Monitor(Monitor&&) noexcept;
  Monitor& operator=(Monitor&&) noexcept;
  /// Calls `close` and ignores its errors.
  ~Monitor();

  /// Makes a note. Its time and the resident memory of the watched process are taken here and now. Does not wait for
  /// the monitor's process, unless that is many notes behind. Throws WorkerDiedError if that process has died, and
  /// LinkClosedError after `close`.
  void note(std::string text, std::string details = {}, NoteOptions options = {});
  /// A note for the log alone.
  void log(std::string text, std::string details = {}) {
    note(std::move(text), std::move(details), {.log = true, .label = false, .print = false});
  }
  /// A note for the log and for drawings.
  void label(std::string text, std::string details = {}) {
    note(std::move(text), std::move(details), {.log = true, .label = true, .print = false});
  }
  /// A note for the log and for the standard output.
  void print(std::string text, std::string details = {}) {
    note(std::move(text), std::move(details), {.log = true, .label = false, .print = true});
  }

  /// Takes a sample and returns all that was recorded so far. Waits for the monitor's process. Throws as `note` does.
  MonitorResult result();
  /// Ends the recording and waits until the file of `save_at_end` is written. Does nothing if it was called before.
  /// Throws what has prevented the file, as std::system_error or RemoteError, or WorkerDiedError.
  void close();
  /// The pid of the monitor's process.
  int pid() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coproc::inline v0
