// Lends memory in both directions. Its content is not touched, so its size should not matter.
#include <coproc/coproc.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "work.hpp"

namespace {

using coproc::PriorityMessenger;
using coproc::SharedBuffer;

void take(PriorityMessenger& host, bench::Job job) {
  bench::pin_to(job.peer_processor);
  for (;;) {
    const std::size_t size = host.receive_blocking<SharedBuffer<>>().size();  // the buffer is given back at once
    host.send_reply(size);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_job(argc, argv, [](const bench::Job& job) {
    if (job.work != bench::Work::loan || job.size == 0) throw bench::NotOffered();
    coproc::WorkerResource worker{take};
    worker.start(job);
    auto& link = worker.messenger();
    std::uint64_t messages = 0;
    std::vector<double> pieces;
    for (const double begin = bench::now(); bench::now() < begin + job.seconds || pieces.size() < 3;) {
      const double start = bench::now();
      constexpr int kPiece = 100;
      for (int i = 0; i < kPiece; ++i, ++messages) {
        link.send_request(link.loan(job.size));
        bench::check(link.receive_blocking<std::size_t>() == job.size, "the peer got another size");
      }
      pieces.push_back((bench::now() - start) * 1e6 / kPiece);
    }
    pieces.erase(pieces.begin());  // the first piece is for warming up
    bench::print({.unit = "us", .value = bench::median(pieces), .messages = messages});
  });
}
