// How many 64-byte structs a second go to another process: messenger, bare ring, pipe, socketpair.
#include <coproc/coproc.hpp>

#include <cstdint>
#include <vector>

#include "bare_ring.hpp"
#include "harness.hpp"
#include "payload.hpp"
#include "peer.hpp"

namespace {

using bench::ByteLink;
using bench::Payload;

constexpr std::uint64_t kFirst = 1;  // the answer to a stream is one payload: its number is what the peer has counted

/// Million messages a second. `send` sends a payload, `wait_for_answer` returns what the peer says at its end.
template <class Send, class WaitForAnswer>
double time_stream(std::uint64_t count, Send send, WaitForAnswer wait_for_answer) {
  const double start = bench::now();
  for (std::uint64_t i = 0; i < count; ++i) send(bench::make_payload(kFirst + i));
  const Payload answer = wait_for_answer();
  const double seconds = bench::now() - start;
  bench::check(bench::is_payload(answer, count), "the peer has not counted every message");
  return static_cast<double>(count) / seconds / 1e6;
}

/// The peer's side: counts the payloads that are right and in their order.
class Counter {
 public:
  void count(const Payload& payload) noexcept {
    if (bench::is_payload(payload, kFirst + seen_)) ++right_;
    ++seen_;
  }
  std::uint64_t seen() const noexcept { return seen_; }
  Payload answer() const noexcept { return bench::make_payload(right_); }

 private:
  std::uint64_t seen_ = 0, right_ = 0;
};

double ring(int processor, std::uint64_t count) {
  bench::Shared<bench::BareRing> there, back;
  bench::Peer peer(processor, [&] {
    Counter counter;
    back->push(counter.answer());  // ready
    while (counter.seen() != count) counter.count(there->pop());
    back->push(counter.answer());
  });
  back->pop();
  const double rate = time_stream(
      count, [&](const Payload& payload) { there->push(payload); }, [&] { return back->pop(); });
  peer.finish();
  return rate;
}

// The reader takes as much at once as there is: the best that a pipe's user can do with one write a message.
double bytes(ByteLink::Kind kind, int processor, std::uint64_t count) {
  ByteLink link(kind);
  bench::Peer peer(processor, [&] {
    link.become_peer();
    Counter counter;
    Payload ready = counter.answer();
    link.write_all(&ready, sizeof ready);
    std::vector<Payload> block(1024);
    while (counter.seen() != count) {
      const std::size_t n = link.read_some(block.data(), block.size() * sizeof(Payload));
      const std::size_t rest = n % sizeof(Payload);
      if (rest != 0) link.read_all(reinterpret_cast<char*>(block.data()) + n, sizeof(Payload) - rest);
      for (std::size_t i = 0; i < (n + sizeof(Payload) - 1) / sizeof(Payload); ++i) counter.count(block[i]);
    }
    const Payload answer = counter.answer();
    link.write_all(&answer, sizeof answer);
  });
  link.become_host();
  const auto read_answer = [&] {
    Payload answer;
    link.read_all(&answer, sizeof answer);
    return answer;
  };
  read_answer();
  const double rate = time_stream(
      count, [&](const Payload& payload) { link.write_all(&payload, sizeof payload); }, read_answer);
  peer.finish();
  return rate;
}

template <class Messenger>
void receive_all(Messenger& host, int processor, std::uint64_t count) {
  bench::pin_to(processor);
  Counter counter;
  host.send_norequest(counter.answer());  // ready
  while (counter.seen() != count) counter.count(host.template receive_blocking<Payload>());
  host.send_norequest(counter.answer());
}

template <class Messenger>
double messenger(int processor, std::uint64_t count) {
  coproc::WorkerResource worker{receive_all<Messenger>};
  worker.start(processor, count);
  auto& link = worker.messenger();
  link.template receive_blocking<Payload>();
  const double rate = time_stream(
      count, [&](const Payload& payload) { link.send_norequest(payload); },
      [&] { return link.template receive_blocking<Payload>(); });
  worker.join();
  return rate;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_main(argc, argv, [](const bench::Options& options) {
    const int processor = options.peer_processor;
    bench::Comparison comparison("streaming 64-byte structs", "million messages/s", options);
    comparison.add("bare ring", [=] { return ring(processor, 2'000'000); });
    comparison.add("MultiMessenger", [=] { return messenger<coproc::MultiMessenger>(processor, 500'000); });
    comparison.add("PriorityMessenger", [=] { return messenger<coproc::PriorityMessenger>(processor, 500'000); });
    comparison.add("pipe", [=] { return bytes(ByteLink::Kind::pipes, processor, 200'000); });
    comparison.add("socketpair", [=] { return bytes(ByteLink::Kind::sockets, processor, 200'000); });
    comparison.compare("MultiMessenger", "pipe");
    comparison.compare("MultiMessenger", "socketpair");
    comparison.compare("MultiMessenger", "bare ring");
    comparison.expect_at_least("MultiMessenger", 3);
    comparison.run();
  });
}
