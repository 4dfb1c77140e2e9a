#include "coproc/monitor_recorder.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "coproc/errors.hpp"
#include "monitor/formats.hpp"
#include "monitor/thinned.hpp"
#include "os/clock.hpp"
#include "os/process_sample.hpp"
#include "os/replace_file.hpp"

namespace coproc::inline v0 {

using monitor::Thinned;

namespace {

/// nullopt: the process has ended, as far as memory and processors go.
std::optional<os::ProcessSample> sample_of_living(int pid) {
  std::optional<os::ProcessSample> sample = os::sample_process(pid);
  if (sample && (sample->state == 'Z' || sample->state == 'X')) return std::nullopt;
  return sample;
}

}  // namespace

void check_monitor_options(const MonitorOptions& options) {
  if (options.pid < 0)
    throw InvalidArgumentError("MonitorOptions::pid must be the pid of a process, or 0 for this one");
  if (options.interval < std::chrono::milliseconds(1) || options.interval > std::chrono::hours(24 * 365)) {
    throw InvalidArgumentError("MonitorOptions::interval must be from 1 ms to a year");
  }
  if (options.samples < 2) throw InvalidArgumentError("MonitorOptions::samples must be at least 2");
  if (options.processes < 1) throw InvalidArgumentError("MonitorOptions::processes must be at least 1");
  if (!options.save_at_end.empty()) monitor::format_of(options.save_at_end);
}

std::chrono::nanoseconds monitor_clock() noexcept { return std::chrono::nanoseconds(os::now_ns()); }

std::uint64_t resident_bytes_of(int pid) noexcept {
  try {
    const auto sample = sample_of_living(pid == 0 ? ::getpid() : pid);
    return sample ? sample->resident_bytes : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

struct MonitorRecorder::State {
  /// A process that is watched. `ticks` tells it apart from another one that gets the same pid later.
  struct Watched {
    Thinned samples;
    std::uint64_t start_ticks;
  };

  MonitorOptions options;
  std::chrono::nanoseconds began;
  std::chrono::nanoseconds next{0};  // since `began`
  std::vector<Watched> watched;
  MonitorResult result;  // but for its processes

  void begin() {
    result.began_at = std::chrono::time_point_cast<std::chrono::system_clock::duration>(
        std::chrono::system_clock::now() - (monitor_clock() - began));
    sample();
  }

  bool watches(int pid) const {
    return std::any_of(watched.begin(), watched.end(), [&](const Watched& one) {
      return one.samples.series().pid == pid && !one.samples.series().has_ended;
    });
  }

  void sample() {
    std::uint64_t private_bytes = 0, shared_bytes = 0;
    const std::chrono::nanoseconds time = monitor_clock() - began;
    const auto add = [&](Watched& one, const os::ProcessSample& now) {
      ProcessSeries& series = one.samples.series();
      series.name = now.name;  // a program that was executed since has another one
      series.parent = now.parent;
      series.peak_bytes = std::max({series.peak_bytes, now.peak_bytes, now.resident_bytes});
      // Two reads of one file: the counts may be some pages apart.
      const std::uint64_t shared = std::min(now.shared_bytes, now.resident_bytes);
      one.samples.add({.time = time,
                       .processor_time = now.processor_time,
                       .resident_bytes = now.resident_bytes,
                       .shared_bytes = shared,
                       .threads = now.threads,
                       .state = now.state});
      private_bytes += now.resident_bytes - shared;
      shared_bytes = std::max(shared_bytes, shared);
    };

    if (watched.empty()) begin_with(options.pid);
    for (Watched& one : watched) {
      if (one.samples.series().has_ended) continue;
      const auto now = sample_if_told(one.samples.series().pid);
      if (!now) continue;
      if (!*now || (*now)->start_ticks != one.start_ticks) {
        one.samples.end();
      } else {
        add(one, **now);
      }
    }
    // `watched` grows in the loop: the children of those that are found are looked for, too.
    for (std::size_t i = 0; options.include_children && i < watched.size(); ++i) {
      if (watched[i].samples.series().has_ended) continue;
      for (const int child : os::children_of(watched[i].samples.series().pid)) {
        if (child == ::getpid() || watches(child)) continue;
        const auto now = sample_if_told(child);
        if (!now || !*now) continue;
        add(watch(child, (*now)->start_ticks), **now);
      }
    }
    if (private_bytes + shared_bytes > result.peak_bytes) {
      result.peak_bytes = private_bytes + shared_bytes;
      result.peak_time = time;
    }
    forget_small_ones();
    next = std::max(next + options.interval, monitor_clock() - began);  // what was missed is not made up for
  }

  /// The outer nullopt: there is such a process, and the system says nothing about it just now (no descriptors).
  static std::optional<std::optional<os::ProcessSample>> sample_if_told(int pid) {
    try {
      return sample_of_living(pid);
    } catch (const std::system_error&) {
      return std::nullopt;
    }
  }

  void begin_with(int pid) {
    const auto now = sample_of_living(pid);
    if (!now) {
      throw InvalidArgumentError("MonitorOptions::pid: there is no process " + std::to_string(pid));
    }
    watch(pid, now->start_ticks);
  }

  Watched& watch(int pid, std::uint64_t start_ticks) {
    ProcessSeries series;
    series.pid = pid;
    return watched.emplace_back(Watched{Thinned(std::move(series), options.samples), start_ticks});
  }

  void forget_small_ones() {
    while (watched.size() > options.processes) {
      auto smallest = watched.end();
      for (auto one = watched.begin() + 1; one != watched.end(); ++one) {
        if (!one->samples.series().has_ended) continue;
        if (smallest == watched.end() || one->samples.series().peak_bytes < smallest->samples.series().peak_bytes) {
          smallest = one;
        }
      }
      if (smallest == watched.end()) return;  // all of them live
      watched.erase(smallest);
      ++result.forgotten_processes;
    }
  }
};

MonitorRecorder::MonitorRecorder(MonitorOptions options, std::chrono::nanoseconds began) {
  check_monitor_options(options);
  if (options.pid == 0) options.pid = ::getpid();
  if (!options.log.empty()) os::append_to_file(options.log, {});
  state_ = std::make_unique<State>(State{.options = std::move(options), .began = began, .watched = {}, .result = {}});
  state_->begin();
}

MonitorRecorder::MonitorRecorder(MonitorRecorder&&) noexcept = default;
MonitorRecorder& MonitorRecorder::operator=(MonitorRecorder&&) noexcept = default;
MonitorRecorder::~MonitorRecorder() = default;

void MonitorRecorder::sample() { state_->sample(); }

std::chrono::nanoseconds MonitorRecorder::until_next_sample() const noexcept {
  return std::max(std::chrono::nanoseconds::zero(), state_->next - (monitor_clock() - state_->began));
}

void MonitorRecorder::note(MonitorNote note) {
  MonitorResult& result = state_->result;
  // Threads of the host may be overtaken between the clock and their sends.
  const auto place = std::upper_bound(result.notes.begin(), result.notes.end(), note.time,
                                      [](auto time, const MonitorNote& other) { return time < other.time; });
  const MonitorNote& kept = *result.notes.insert(place, std::move(note));
  if (kept.log && !state_->options.log.empty()) {
    os::append_to_file(state_->options.log, note_line(kept, result.began_at) + '\n');
  }
}

MonitorResult MonitorRecorder::result() const {
  MonitorResult result = state_->result;
  for (const auto& one : state_->watched) result.processes.push_back(one.samples.series());
  return result;
}

void MonitorRecorder::finish() {
  state_->sample();
  if (!state_->options.save_at_end.empty()) result().save(state_->options.save_at_end);
}

}  // namespace coproc::inline v0
