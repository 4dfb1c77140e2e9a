// The works over a network, and the wires that bytes take there.
//
//   remote_round_trip, remote_stream   as round_trip and stream
//   remote_lent                        SIZE bytes there, their sum back: a word of each page and the last one
//
// An End (work.hpp) offers the first two if it has `static constexpr bool kIsRemote = true`, and the third one if it
// has, besides:
//
//     void send_large(const Large& values);
//     void receive_large(Large& values);
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "payload.hpp"
#include "peer.hpp"
#include "work.hpp"

namespace bench {

using Large = std::vector<std::uint64_t>;

/// Its first and last word change with each message.
inline void mark_large(Large& values, std::uint64_t number) { values.front() = values.back() = number; }
inline std::uint64_t sum_of(const Large& values) {
  constexpr std::size_t kPage = 4096 / sizeof values[0];
  std::uint64_t sum = values.back();
  for (std::size_t at = 0; at < values.size(); at += kPage) sum += values[at];
  return sum;
}

/// Measures large messages per second: the median of single ones, once the first was for warming up.
template <class Send, class ReceiveAnswer>
Result time_large(const Job& job, Send send, ReceiveAnswer receive_answer) {
  check(job.size >= 4096 && job.size % 4096 == 0, "SIZE is not a number of pages");
  Large values(job.size / sizeof(std::uint64_t));
  for (std::size_t at = 0; at < values.size(); ++at) values[at] = at * 0x9e3779b97f4a7c15;
  Result result{.unit = "messages/s"};
  std::vector<double> rates;
  const double begin = now();
  for (std::uint64_t number = 0; now() < begin + job.seconds || rates.size() < 4; ++number) {
    mark_large(values, number);
    const std::uint64_t sum = sum_of(values);
    const double start = now();
    send(values);
    check(receive_answer() == sum, "the peer has not seen what was sent");
    rates.push_back(1 / (now() - start));
  }
  rates.erase(rates.begin());
  result.messages = rates.size();
  result.value = median(rates);
  return result;
}

/// A stream of bytes as an End. A Wire has become_host(), become_peer(), write(data, size) and read(data, most), which
/// returns at least one byte. A reader takes everything that is there, up to 64 KiB of small payloads.
template <std::size_t Size, class Wire>
class WireEnd {
 public:
  static constexpr bool kIsRemote = true;

  void become_host() { wire_.become_host(); }
  void become_peer() { wire_.become_peer(); }

  void send(std::uint64_t number) {
    make(out_, number);
    wire_.write(&out_, Size);
  }
  std::uint64_t receive() {
    if (next_ == end_ / Size) refill();
    return number_of(in_[next_++]);
  }
  void send_large(const Large& values) { wire_.write(values.data(), values.size() * sizeof values[0]); }
  void receive_large(Large& values) {
    auto* const to = reinterpret_cast<char*>(values.data());
    const std::size_t size = values.size() * sizeof values[0];
    for (std::size_t at = 0; at < size;) at += wire_.read(to + at, size - at);
  }

 private:
  void refill() {
    end_ = next_ = 0;
    while (end_ == 0 || end_ % Size != 0) {
      end_ += wire_.read(reinterpret_cast<char*>(in_.data()) + end_, in_.size() * Size - end_);
    }
  }

  Wire wire_;
  Payload<Size> out_ = {};
  std::vector<Payload<Size>> in_{65536 / Size};
  std::size_t next_ = 0, end_ = 0;  // in_ has payloads from next_, in payloads, to end_, in bytes
};

template <class End>
void run_large(const Job& job) {
  if constexpr (requires(End& end, Large& values) { end.receive_large(values); }) {
    const auto end = std::make_unique<End>();
    Peer peer(job.peer_processor, [&] {
      end->become_peer();
      for (Large values(job.size / sizeof(std::uint64_t));;) {  // until it is killed
        end->receive_large(values);
        end->send(sum_of(values));
      }
    });
    end->become_host();
    print(time_large(
        job, [&](const Large& values) { end->send_large(values); }, [&] { return end->receive(); }));
  } else {
    throw NotOffered();
  }
}

/// The `main` of a network whose other side is a fork of the host.
template <template <std::size_t> class End>
int run_remote_pair(int argc, char** argv) {
  return run_job(argc, argv, [](const Job& job) {
    if (job.work == Work::remote_lent) return run_large<End<64>>(job);
    if (job.size != 64) throw NotOffered();
    run_with_fork<End<64>>(job);
  });
}

}  // namespace bench
