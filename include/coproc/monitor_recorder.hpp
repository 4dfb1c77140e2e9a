// The recording of a Monitor without its process, for programs that have a process of their own for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "coproc/export.hpp"
#include "coproc/monitor_result.hpp"

namespace coproc::inline v0 {

struct MonitorOptions {
  /// The process to watch; 0 stands for the one that makes the Monitor.
  int pid = 0;
  /// Whether the descendants of the process are watched, too. They are looked for at every sample, and a process that
  /// was found is watched until it ends, also if its parent ends before. The monitor's own process is left out.
  bool include_children = true;
  /// The time between two samples, at least 1 ms.
  std::chrono::nanoseconds interval = std::chrono::milliseconds(250);
  /// The most samples that are kept of a process, at least 2. When there are more, every second one is dropped, and
  /// from then on only every second one is kept. Peaks stay known.
  std::size_t samples = 4096;
  /// The most processes that are kept. When there are more, those that have ended and had the smallest peaks are
  /// forgotten first.
  std::size_t processes = 1024;
  /// A file to which a line is added for each note, as it comes. Empty: none.
  std::string log = {};
  /// A file that is written at the end, however the program ends: .svg, .csv, .json or .html. Empty: none.
  std::string save_at_end = {};
};

/// Throws InvalidArgumentError if an option cannot be fulfilled. Does not look at files.
COPROC_API void check_monitor_options(const MonitorOptions& options);

/// Nanoseconds of the clock of samples and notes (CLOCK_MONOTONIC), which is the same in all processes.
COPROC_API std::chrono::nanoseconds monitor_clock() noexcept;

/// The resident memory of a process in bytes; 0 if there is no such process or the system does not tell.
COPROC_API std::uint64_t resident_bytes_of(int pid) noexcept;

/// Records the samples of processes. Its user calls `sample` again and again, since it has neither a thread nor a
/// process.
///
/// Thread safety: one thread at a time.
class COPROC_API MonitorRecorder {
 public:
  /// Takes the first sample. The times are counted from `began`, a time of monitor_clock(). A pid of 0 is this process,
  /// which is otherwise left out. Throws InvalidArgumentError, and for the log file std::system_error.
  explicit MonitorRecorder(MonitorOptions options, std::chrono::nanoseconds began = monitor_clock());
  MonitorRecorder(MonitorRecorder&&) noexcept;
  MonitorRecorder& operator=(MonitorRecorder&&) noexcept;
  ~MonitorRecorder();

  /// Looks for new processes, and takes a sample of each. A process about which the system says nothing just now has no
  /// sample.
  void sample();
  /// How long it is until the next sample is due; zero if it is now.
  std::chrono::nanoseconds until_next_sample() const noexcept;
  /// Keeps a note, and writes its line to the log. Throws std::system_error if that cannot be done; the note is kept.
  void note(MonitorNote note);
  MonitorResult result() const;
  /// Takes a last sample and writes the file that `save_at_end` names, if any. Throws std::system_error.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coproc::inline v0
