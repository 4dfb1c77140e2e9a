#include "coproc/pool_insights.hpp"

#include <algorithm>
#include <cstdio>

#include "coproc/detail/foreign_text.hpp"

namespace coproc::inline v0 {

namespace {

double seconds_of(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void add_line(std::string& text, const char* name, const WorkerInsights& worker) {
  char line[160];
  std::snprintf(line, sizeof line, "%8s %7zu %10zu %7zu %9.3f %9.3f %9.3f %11.1f\n", name, worker.starts, worker.tasks,
                worker.failed, seconds_of(worker.start_time), seconds_of(worker.wait_time),
                seconds_of(worker.work_time), static_cast<double>(worker.peak_memory_bytes) / (1 << 20));
  text += line;
  if (worker.machine.empty()) return;
  text.back() = ' ';
  text += " " + detail::in_one_line(worker.machine, 100) + '\n';
}

}  // namespace

std::string PoolInsights::table() const {
  const auto is_elsewhere = [](const WorkerInsights& worker) { return !worker.machine.empty(); };
  std::string text = "  worker  starts      tasks  failed   start s    wait s    work s    peak MiB";
  text += std::any_of(workers.begin(), workers.end(), is_elsewhere) ? "  machine\n" : "\n";
  WorkerInsights all;
  for (const WorkerInsights& worker : workers) {
    add_line(text, std::to_string(worker.pid).c_str(), worker);
    all.starts += worker.starts;
    all.tasks += worker.tasks;
    all.failed += worker.failed;
    all.start_time += worker.start_time;
    all.wait_time += worker.wait_time;
    all.work_time += worker.work_time;
    all.peak_memory_bytes = std::max(all.peak_memory_bytes, worker.peak_memory_bytes);
  }
  add_line(text, "all", all);
  if (!start_note.empty()) text += "started by spawn, since " + start_note + '\n';
  if (!slowest.empty()) text += "slowest tasks:";
  for (const SlowTask& slow : slowest) {
    char part[96];
    std::snprintf(part, sizeof part, "%s task %llu %.3f s (worker %d)", &slow == slowest.data() ? "" : ",",
                  static_cast<unsigned long long>(slow.task), seconds_of(slow.time), slow.pid);
    text += part;
  }
  if (!slowest.empty()) text += '\n';
  return text;
}

}  // namespace coproc::inline v0
