// How long a 64-byte struct takes to another process and back: messenger, bare ring, pipe, socketpair.
#include <coproc/coproc.hpp>

#include <cstdint>
#include <optional>
#include <vector>

#include "bare_ring.hpp"
#include "harness.hpp"
#include "payload.hpp"
#include "peer.hpp"

namespace {

using bench::ByteLink;
using bench::Payload;

constexpr std::uint64_t kPieces = 50;

/// Microseconds for one round trip: the median of pieces of the trial, so that a moment in which a processor was taken
/// away from one side does not count. One piece of warm-up comes first. `exchange` sends a payload, returns the answer.
template <class Exchange>
double time_round_trips(std::uint64_t count, Exchange exchange) {
  std::vector<double> pieces;
  const std::uint64_t in_piece = count / kPieces;
  std::uint64_t sequence = 0;
  for (std::uint64_t piece = 0; piece <= kPieces; ++piece) {
    const double start = bench::now();
    for (std::uint64_t i = 0; i < in_piece; ++i, ++sequence) {
      bench::check(bench::is_payload(exchange(bench::make_payload(sequence)), sequence),
                   "an answer is not its request");
    }
    if (piece != 0) pieces.push_back((bench::now() - start) * 1e6 / static_cast<double>(in_piece));
  }
  return bench::summarise(pieces).median;
}
std::uint64_t with_warm_up(std::uint64_t count) { return count / kPieces * (kPieces + 1); }

double ring(int processor, std::uint64_t count) {
  bench::Shared<bench::BareRing> there, back;
  bench::Peer peer(processor, [&] {
    for (std::uint64_t i = with_warm_up(count); i != 0; --i) back->push(there->pop());
  });
  const double time = time_round_trips(count, [&](const Payload& payload) {
    there->push(payload);
    return back->pop();
  });
  peer.finish();
  return time;
}

double bytes(ByteLink::Kind kind, int processor, std::uint64_t count) {
  ByteLink link(kind);
  bench::Peer peer(processor, [&] {
    link.become_peer();
    for (std::uint64_t i = with_warm_up(count); i != 0; --i) {
      Payload payload;
      link.read_all(&payload, sizeof payload);
      link.write_all(&payload, sizeof payload);
    }
  });
  link.become_host();
  const double time = time_round_trips(count, [&](const Payload& payload) {
    link.write_all(&payload, sizeof payload);
    Payload answer;
    link.read_all(&answer, sizeof answer);
    return answer;
  });
  peer.finish();
  return time;
}

void echo(coproc::PriorityMessenger& host, int processor, std::uint64_t count) {
  bench::pin_to(processor);
  for (; count != 0; --count) host.send_reply(host.receive_blocking<Payload>());
}

double messenger(int processor, std::uint64_t count) {
  coproc::WorkerResource worker{echo};
  worker.start(processor, with_warm_up(count));
  auto& link = worker.messenger();
  const double time = time_round_trips(count, [&](const Payload& payload) {
    link.send_request(payload);
    return link.receive_blocking<Payload>();
  });
  bench::check(link.remaining() == 0, "a request is counted as not answered");
  worker.join();
  return time;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_main(argc, argv, [](const bench::Options& options) {
    const int processor = options.peer_processor;
    const std::uint64_t many = options.one_processor ? 5'000 : 200'000;
    bench::Comparison comparison("round trip of a 64-byte struct", "us", options);
    comparison.add("bare ring", [=] { return ring(processor, many); });
    comparison.add("messenger", [=] { return messenger(processor, many); });
    comparison.add("pipe", [=] { return bytes(ByteLink::Kind::pipes, processor, 2'000); });
    comparison.add("socketpair", [=] { return bytes(ByteLink::Kind::sockets, processor, 2'000); });
    // The marks are for two sides that run at once: on one processor every round trip has to switch twice.
    const auto mark = [&](double at_most) { return options.one_processor ? std::nullopt : std::optional(at_most); };
    comparison.compare("messenger", "bare ring", mark(3));
    comparison.compare("messenger", "pipe", mark(0.1));
    comparison.compare("messenger", "socketpair");
    comparison.run();
  });
}
