// What a Monitor has recorded: the memory and the processor time of processes over time, and notes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "coproc/export.hpp"

namespace coproc::inline v0 {

/// A process at one moment.
struct MonitorSample {
  /// Since `MonitorResult::began_at`, by the steady clock.
  std::chrono::nanoseconds time{0};
  /// What all threads of the process have used since its start, those that have ended among them.
  std::chrono::nanoseconds processor_time{0};
  /// How many processors it has used on average since the sample before; 1 is one whole processor. 0 in a first sample.
  double processors = 0;
  std::uint64_t resident_bytes = 0;
  /// The part of `resident_bytes` that files and shared memory are behind, among it the memory of links and loans.
  /// Other processes may have the same pages.
  std::uint64_t shared_bytes = 0;
  std::uint32_t threads = 0;
  /// 'R' runs, 'S' sleeps, 'D' waits for a device, 'T' is stopped.
  char state = '?';

  std::uint64_t private_bytes() const noexcept { return resident_bytes - shared_bytes; }
};

/// One process. A pid that the system gave to another process meanwhile is another series.
struct ProcessSeries {
  int pid = 0;
  int parent = 0;
  /// As `ps` shows it: at most 15 bytes, which the process has chosen, and which may be any.
  std::string name = {};
  bool has_ended = false;
  /// The most resident memory since the start of its program, as the kernel has counted it up to the last sample. So
  /// peaks between two samples are in it.
  std::uint64_t peak_bytes = 0;
  /// At most `MonitorOptions::samples`, in the order of their times.
  std::vector<MonitorSample> samples = {};
};

struct MonitorNote {
  /// When the note was made, by the clock of the samples.
  std::chrono::nanoseconds time{0};
  std::string text = {};
  std::string details = {};
  bool log = true;
  bool label = true;
  bool print = false;
  /// The resident memory of the watched process when the note was made; 0 if it had ended.
  std::uint64_t resident_bytes = 0;
};

/// A copy of all that a Monitor has recorded so far.
struct MonitorResult {
  std::chrono::system_clock::time_point began_at = {};
  /// The watched process first, then its descendants, in the order in which they were found.
  std::vector<ProcessSeries> processes = {};
  std::vector<MonitorNote> notes = {};
  /// Processes that have ended and are not in `processes`, since there were more than `MonitorOptions::processes`.
  std::uint64_t forgotten_processes = 0;
  /// The most memory that all processes took at one sample: their private bytes, and once the shared bytes of the
  /// process that had the most. No thinning out changes it.
  std::uint64_t peak_bytes = 0;
  std::chrono::nanoseconds peak_time{0};

  /// The time of the last sample or note.
  COPROC_API std::chrono::nanoseconds duration() const noexcept;
  /// A line for each process: its pid, name, peak, processor time and the time for which it was watched.
  COPROC_API std::string table() const;
  /// A line for each sample and each note, with a line of names before them. Times are in seconds.
  COPROC_API std::string csv() const;
  /// An object with all of the fields. Times are in seconds.
  COPROC_API std::string json() const;
  /// A drawing of memory and processors over time, with a line for each label and for each of the 32 largest processes.
  COPROC_API std::string svg() const;
  /// A page with the drawing, the table and the notes. It needs no other file and no script.
  COPROC_API std::string html() const;
  /// Writes what the end of the name asks for: .svg, .csv, .json or .html. The file has its old contents or all of the
  /// new ones. Throws InvalidArgumentError for another end, and std::system_error.
  COPROC_API void save(const std::string& path) const;
};

/// The line of a note in a log: the local time, the resident memory, the text and the details, without a line end.
COPROC_API std::string note_line(const MonitorNote& note, std::chrono::system_clock::time_point began_at);

}  // namespace coproc::inline v0
