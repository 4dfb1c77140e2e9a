#include "coproc/metrics.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "census/roll.hpp"
#include "metrics/exposition.hpp"

namespace coproc::inline v0 {

namespace {

using census::Pools;
using census::Workers;
using metrics::Exposition;
using metrics::Family;
using metrics::Kind;

/// By census::RestartReason.
constexpr std::array<const char*, census::kRestartReasons> kReasons = {
    "reason=\"exit\"", "reason=\"failure\"", "reason=\"signal\"", "reason=\"machine_lost\"", "reason=\"unknown\""};
constexpr const char* kSent = "direction=\"sent\"";
constexpr const char* kReceived = "direction=\"received\"";

/// What is reported of one name and place. All of it is read before anything is written, since a family has the samples
/// of all workers, and each is read once.
struct WorkerRow {
  std::string labels;
  census::WorkerTotals totals;  // the counts of the present process included
  bool has_ended;               // the object: then only the totals count
  census::WorkerReading now;
};

struct PoolRow {
  std::string labels;
  census::PoolTotals totals;
  bool has_ended;
  census::PoolReading now;
};

std::vector<WorkerRow> read_workers(bool of_system) {
  std::vector<WorkerRow> rows;
  Workers::for_each([&](const Workers::Seen& seen) {
    census::WorkerTotals& totals = seen.totals;
    WorkerRow row{metrics::labels_of(seen.name, seen.place), {}, seen.source == nullptr, {}};
    if (seen.source != nullptr) row.now = seen.source->read(of_system);
    totals.received_shown = std::max(totals.received_shown, totals.received + row.now.received);
    if (row.now.processor_time) {
      totals.processor_time_of_present = std::max(totals.processor_time_of_present, *row.now.processor_time);
    }
    row.totals = totals;
    row.totals.sent += row.now.sent;
    row.totals.received = totals.received_shown;
    row.totals.processor_time += totals.processor_time_of_present;
    rows.push_back(std::move(row));
  });
  return rows;
}

std::vector<PoolRow> read_pools() {
  std::vector<PoolRow> rows;
  Pools::for_each([&](const Pools::Seen& seen) {
    PoolRow row{metrics::labels_of(seen.name, seen.place), seen.totals, seen.source == nullptr, {}};
    if (seen.source != nullptr) row.now = seen.source->read();
    row.totals += row.now.totals;
    rows.push_back(std::move(row));
  });
  return rows;
}

/// Writes a family: `write(row)` adds its samples.
template <class Row, class Write>
void write_family(Exposition& to, const std::vector<Row>& rows, const Family& family, const Write& write) {
  to.begin(family);
  for (const Row& row : rows) write(row);
}

/// The same for a gauge, which only the objects that exist have.
template <class Row, class Write>
void write_gauge(Exposition& to, const std::vector<Row>& rows, const char* name, const char* help, const Write& write) {
  write_family(to, rows, {name, Kind::gauge, help}, [&](const Row& row) {
    if (!row.has_ended) write(row);
  });
}

void write_workers(Exposition& to, const std::vector<WorkerRow>& rows, bool of_system) {
  using Row = WorkerRow;
  write_gauge(to, rows, "coproc_worker_up", "Whether the process of the worker is alive.",
              [&](const Row& row) { to.add(row.labels, row.now.is_alive ? 1 : 0); });
  write_family(to, rows, {"coproc_worker_starts", Kind::counter, "Starts of the worker that have succeeded."},
               [&](const Row& row) { to.add(row.labels, row.totals.starts); });
  write_family(
      to, rows,
      {"coproc_worker_restarts", Kind::counter, "Starts of a supervised worker, by how its process before had ended."},
      [&](const Row& row) {
        if (!row.totals.is_supervised) return;
        for (std::size_t i = 0; i < kReasons.size(); ++i) {
          to.add(row.labels, row.totals.restarts[i], kReasons[i]);
        }
      });
  write_family(to, rows,
               {"coproc_worker_messages", Kind::counter,
                "Messages, requests and replies that were sent to the worker, or received from it."},
               [&](const Row& row) {
                 to.add(row.labels, row.totals.sent, kSent);
                 to.add(row.labels, row.totals.received, kReceived);
               });
  write_gauge(to, rows, "coproc_worker_requests_unanswered", "Requests to the worker whose replies were not received.",
              [&](const Row& row) { to.add(row.labels, row.now.unanswered); });
  write_gauge(to, rows, "coproc_worker_ring_bytes_used",
              "Bytes in the link that may be unread, at most: space is given back in quarters of a ring.",
              [&](const Row& row) {
                if (!row.now.rings) return;
                to.add(row.labels, row.now.rings->to_worker, kSent);
                to.add(row.labels, row.now.rings->to_host, kReceived);
              });
  if (!of_system) return;
  write_gauge(to, rows, "coproc_worker_resident_bytes", "Resident memory of the process of the worker.",
              [&](const Row& row) {
                if (row.now.resident_bytes) to.add(row.labels, *row.now.resident_bytes);
              });
  write_family(to, rows, {"coproc_worker_cpu_seconds", Kind::counter, "Processor time of all processes of the worker."},
               [&](const Row& row) { to.add_seconds(row.labels, row.totals.processor_time.count()); });
}

void write_pools(Exposition& to, const std::vector<PoolRow>& rows) {
  using Row = PoolRow;
  write_gauge(to, rows, "coproc_pool_workers", "Processes of the pool, ready or not.",
              [&](const Row& row) { to.add(row.labels, row.now.workers); });
  write_gauge(to, rows, "coproc_pool_workers_ready", "Processes of the pool that can run tasks.",
              [&](const Row& row) { to.add(row.labels, row.now.ready); });
  write_family(to, rows, {"coproc_pool_worker_starts", Kind::counter, "Starts of workers of the pool."},
               [&](const Row& row) { to.add(row.labels, row.totals.starts); });
  write_gauge(to, rows, "coproc_pool_queue_length", "Tasks that no worker has yet.",
              [&](const Row& row) { to.add(row.labels, row.now.queued); });
  write_gauge(to, rows, "coproc_pool_tasks_sent", "Tasks that workers have and did not end yet.",
              [&](const Row& row) { to.add(row.labels, row.now.sent); });
  write_family(to, rows,
               {"coproc_pool_tasks", Kind::counter, "Tasks that workers have ended, or that ended with them."},
               [&](const Row& row) {
                 to.add(row.labels, row.totals.succeeded, "state=\"succeeded\"");
                 to.add(row.labels, row.totals.failed, "state=\"failed\"");
               });
  write_family(to, rows, {"coproc_pool_task_seconds", Kind::counter, "Time that workers have spent in tasks."},
               [&](const Row& row) { to.add_seconds(row.labels, row.totals.task_time.count()); });
}

}  // namespace

std::string Metrics::text(MetricsOptions options) const {
  const std::vector<PoolRow> pools = read_pools();
  const std::vector<WorkerRow> workers = read_workers(options.of_system);
  constexpr std::size_t kBytesOfFamilies = 4096, kBytesOfRow = 1024;  // about; of rows with short names
  Exposition to(options.open, kBytesOfFamilies + kBytesOfRow * (workers.size() + pools.size()));
  write_workers(to, workers, options.of_system);
  write_pools(to, pools);
  return std::move(to).finish();
}

std::string_view Metrics::content_type(MetricsOptions options) noexcept {
  return options.open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                      : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace coproc::inline v0
