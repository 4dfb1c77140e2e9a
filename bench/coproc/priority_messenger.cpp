// A PriorityMessenger: messages in the order of their priorities; here also with several levels and channels at once.
#include <array>

#include "coproc/end.hpp"
#include "work.hpp"

namespace {

using bench::Job;
using coproc::PriorityMessenger;
using Payload = bench::Payload<64>;

constexpr std::uint64_t kChannels = 4, kLevels = 4;
std::uint64_t channel_of(std::uint64_t number) { return number % kChannels; }
std::uint64_t level_of(std::uint64_t number) { return number / kChannels % kLevels; }

/// The worker of `stream_priorities`: learns how many messages will come, receives them from the channels in turn, and
/// sends back how many were right and in order within their channel and level.
void take_turns(PriorityMessenger& host, Job job) {
  bench::pin_to(job.peer_processor);
  Payload payload;
  for (std::uint64_t count; (count = bench::number_of(host.receive_blocking<Payload>())) != bench::kEnd;) {
    std::array<std::array<std::uint64_t, kLevels>, kChannels> next;
    for (std::uint64_t i = 0; i < kChannels * kLevels; ++i) next[channel_of(i)][level_of(i)] = i;
    std::uint64_t right = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t number = bench::number_of(host.receive_blocking<Payload>(channel_of(i)));
      std::uint64_t& expected = next[channel_of(i)][level_of(number)];
      if (number == expected) ++right;
      expected += kChannels * kLevels;
    }
    bench::make(payload, right);
    host.send_norequest(payload);
  }
}

void stream_priorities(const Job& job) {
  coproc::WorkerResource worker{take_turns};
  worker.start(job);
  auto& link = worker.messenger();
  Payload payload;
  const auto send = [&](std::uint64_t number, const coproc::ChannelId& channel, const coproc::SendOptions& options) {
    bench::make(payload, number);
    link.send_norequest(payload, channel, options);
  };
  const auto send_all = [&](std::uint64_t count) {
    send(count, {}, {});
    for (std::uint64_t i = 0; i < count; ++i) send(i, channel_of(i), {.priority = level_of(i)});
  };
  const auto receive_answer = [&] { return bench::number_of(link.receive_blocking<Payload>()); };
  const bench::Result result = bench::time_streams(job, send_all, receive_answer, [] {});
  send(bench::kEnd, {}, {});
  bench::check(worker.join().code() == 0, "the worker failed");
  bench::print(result);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program(argc, argv, []<std::size_t Size>(const Job& job) {
    if (job.work == bench::Work::stream_priorities && Size == 64) return stream_priorities(job);
    if (job.work > bench::Work::stream_batch) throw bench::NotOffered();
    bench::run_messenger<PriorityMessenger, Size>(job);
  });
}
