// SIZE forked processes that each sleep for 10 ms repeatedly: the lower bound for the cost of sleeping tasks.
#include <memory>
#include <vector>

#include "tasks.hpp"

int main(int argc, char** argv) {
  return bench::run_job(argc, argv, [](const bench::Job& job) {
    if (job.work != bench::Work::sleeping_tasks) throw bench::NotOffered();
    const std::size_t count = bench::sleeping_tasks(job);
    const double begin = bench::now();
    std::vector<std::unique_ptr<bench::Peer>> peers;
    for (std::size_t i = 0; i < job.size; ++i) {
      peers.push_back(std::make_unique<bench::Peer>(-1, [&] {
        for (std::size_t done = 0; done < count / job.size; ++done) bench::sleep_for_task();
      }));
    }
    for (const auto& peer : peers) peer->finish();
    bench::print({.unit = "tasks/s", .value = static_cast<double>(count) / (bench::now() - begin), .messages = count});
  });
}
