// The common part of all benchmark programs: the command line, the works, and the line of JSON that is printed.
//
//   <program> WORK SIZE HOST_PROCESSOR PEER_PROCESSOR SECONDS      processors: a number, or -1 for "not pinned"
//
// A program is a few lines about one transport: an End, of which host and peer have one each:
//
//   template <std::size_t Size>
//   struct End {
//     static constexpr bool kSleeps = true;             // its waits sleep in the kernel: it offers the work `asleep`
//     void become_host();                               // after the fork, or become_host(const Peer&); both may block
//     void become_peer();                               //   until the other side is there
//     void send(std::uint64_t number);                  // makes the Payload<Size> of that number, sends it
//     std::uint64_t receive();                          // waits for a payload; number_of(payload)
//
//     // Where there is such a thing:
//     static constexpr std::size_t kLargest = 8192;     // the largest SIZE that it can send
//     static constexpr bool kStreams = false;           // not made for streams
//     void never_spin();                                // before `become_...`, for `asleep`, instead of kSleeps
//     void send_batch(std::span<const std::uint64_t>);  // these payloads together; offers `stream_batch`
//     static constexpr bool kIsRemote = true;           // offers the works of remote.hpp, and no others
//     void settle();                                    // the host's, after each stream, when its time has been taken
//   };
//   int main(int argc, char** argv) { return bench::run_pair<End>(argc, argv); }
//
// A transport with another way to start its peer uses `run_program`, `run_host` and `run_peer` itself.
// Exit codes: 0, 3 (this work or size is not offered), 1 (failed; the reason on stderr).
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "payload.hpp"
#include "peer.hpp"

namespace bench {

enum class Work {
  round_trip,
  asleep,
  stream,
  stream_batch,
  stream_priorities,
  start,
  stop,
  death,
  first_answer,
  restart,
  crowd_descriptors,
  crowd_memory,
  loan,
  idle,
  tasks,
  tasks_in_chunks,
  sleeping_tasks,
  sleeping_host,
  many_tasks,
  pool_start,
  pool_stop,
  boxed_start,
  remote_round_trip,
  remote_stream,
  remote_lent,
  remote_start
};
constexpr std::array<std::string_view, 26> kWorkNames{
    "round_trip",  "asleep",      "stream",       "stream_batch",    "stream_priorities", "start",
    "stop",        "death",       "first_answer", "restart",         "crowd_descriptors", "crowd_memory",
    "loan",        "idle",        "tasks",        "tasks_in_chunks", "sleeping_tasks",    "sleeping_host",
    "many_tasks",  "pool_start",  "pool_stop",    "boxed_start",     "remote_round_trip", "remote_stream",
    "remote_lent", "remote_start"};

struct Job {
  Work work = Work::round_trip;
  std::size_t size = 64;
  int host_processor = -1, peer_processor = -1;
  double seconds = 0.2;

  bool is_round_trip() const noexcept {
    return work == Work::round_trip || work == Work::asleep || work == Work::remote_round_trip;
  }
  bool is_remote_exchange() const noexcept { return work == Work::remote_round_trip || work == Work::remote_stream; }
};

/// Thrown if a program does not offer the job.
struct NotOffered {};

inline void check(bool is_right, const char* what) {
  if (!is_right) throw std::runtime_error(what);
}

// ---- what is printed ----

struct Result {
  std::string unit;
  double value = 0;
  std::uint64_t messages = 0;
  std::vector<double> sample = {};  // single round trips, for the percentiles
};

inline double quantile(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1) + 0.5)];
}
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

inline void print(Result result) {
  std::printf("{\"unit\": \"%s\", \"value\": %.9g, \"messages\": %llu", result.unit.c_str(), result.value,
              static_cast<unsigned long long>(result.messages));
  if (!result.sample.empty()) {
    std::sort(result.sample.begin(), result.sample.end());
    const char* separator = ", \"percentiles\": {";
    for (const double percent : {1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9}) {
      std::printf("%s\"%g\": %.6g", separator, percent, quantile(result.sample, percent / 100));
      separator = ", ";
    }
    std::printf("}");
  }
  std::printf("}\n");
  std::fflush(stdout);
}

// ---- the host's side ----

/// Measures one round trip in microseconds: the median of several pieces, so that a moment in which one side lost its
/// processor does not count. Afterwards single round trips are timed, each by itself.
template <class End>
Result time_round_trips(const Job& job, End& end) {
  std::uint64_t number = 0;
  const auto exchange = [&] {
    end.send(number);
    check(end.receive() == number, "an answer is not its request");
    ++number;
  };
  const double begin = now();
  double time = begin;
  for (; time < begin + 0.15 * job.seconds; time = now()) exchange();
  const double each = (time - begin) / static_cast<double>(number);
  const auto in_piece = static_cast<std::uint64_t>(0.01 * job.seconds / each) + 1;

  Result result{.unit = "us"};
  std::vector<double> pieces;
  for (double previous = time; time < begin + 0.75 * job.seconds || pieces.size() < 3; previous = time) {
    for (std::uint64_t i = 0; i < in_piece; ++i) exchange();
    time = now();
    pieces.push_back((time - previous) * 1e6 / static_cast<double>(in_piece));
    result.messages += in_piece;
  }
  result.value = median(pieces);

  result.sample.reserve(100'000);
  for (double previous = time;
       (time < begin + job.seconds || result.sample.size() < 10) && result.sample.size() < result.sample.capacity();
       previous = time) {
    exchange();
    time = now();
    result.sample.push_back((time - previous) * 1e6);
  }
  return result;
}

/// Measures messages per second: the median of several streams. Each stream ends when the peer has said that all
/// messages were right and in order. `send_all(count)` sends the numbers from 0 to count, the last one with kLast.
template <class SendAll, class ReceiveAnswer, class Settle>
Result time_streams(const Job& job, SendAll send_all, ReceiveAnswer receive_answer, Settle settle) {
  const auto stream = [&](std::uint64_t count) {
    const double start = now();
    send_all(count);
    check(receive_answer() == count, "the peer has not seen every message right and in order");
    const double time = now() - start;
    settle();
    return time;
  };
  // The first streams are for warming up, and show how many messages take the wanted time.
  const double wanted = job.seconds / 12;
  std::uint64_t count = 32;
  double time = stream(count);
  for (; time < wanted; time = stream(count)) count *= 2;
  count = std::max<std::uint64_t>(32, static_cast<std::uint64_t>(static_cast<double>(count) * wanted / time)) / 32 * 32;

  Result result{.unit = "messages/s"};
  std::vector<double> rates;
  for (const double begin = now(); now() < begin + job.seconds || rates.size() < 3;) {
    rates.push_back(static_cast<double>(count) / stream(count));
    result.messages += count;
  }
  result.value = median(rates);
  return result;
}

constexpr std::uint64_t kInBatch = 32;

template <class End>
Result run_host(const Job& job, End& end) {
  const auto receive_answer = [&] { return end.receive(); };
  const auto settle = [&] {
    if constexpr (requires { end.settle(); }) end.settle();
  };
  Result result;
  if (job.is_round_trip()) {
    result = time_round_trips(job, end);
  } else if (job.work == Work::stream || job.work == Work::remote_stream) {
    const auto send_all = [&](std::uint64_t count) {
      for (std::uint64_t i = 0; i + 1 < count; ++i) end.send(i);
      end.send((count - 1) | kLast);
    };
    result = time_streams(job, send_all, receive_answer, settle);
  } else if constexpr (requires { end.send_batch(std::span<const std::uint64_t>()); }) {
    const auto send_all = [&](std::uint64_t count) {
      std::array<std::uint64_t, kInBatch> numbers;
      for (std::uint64_t first = 0; first < count; first += kInBatch) {
        for (std::uint64_t i = 0; i < kInBatch; ++i) numbers[i] = first + i;
        if (first + kInBatch == count) numbers.back() |= kLast;
        end.send_batch(numbers);
      }
    };
    result = time_streams(job, send_all, receive_answer, settle);
  }
  end.send(kEnd);
  return result;
}

// ---- the peer's side ----

/// Answers until the work is over.
template <class End>
void run_peer(const Job& job, End& end) {
  if (job.is_round_trip()) {
    for (std::uint64_t number = 0; (number = end.receive()) != kEnd;) end.send(number);
    return;
  }
  std::uint64_t seen = 0, right = 0;
  for (std::uint64_t number = 0; (number = end.receive()) != kEnd;) {
    const bool is_last = number != kWrong && (number & kLast) != 0;
    if (number == (is_last ? seen | kLast : seen)) ++right;
    ++seen;
    if (!is_last) continue;
    end.send(right);
    seen = right = 0;
  }
}

// ---- a program ----

inline Job read_job(int argc, char** argv) {
  Job job;
  // (works with values of Python: work.py)
  if (argc == 6 && std::string_view(argv[1]).starts_with("python_")) std::exit(3);
  const auto name = argc == 6 ? std::find(kWorkNames.begin(), kWorkNames.end(), argv[1]) : kWorkNames.end();
  if (name == kWorkNames.end() || std::atof(argv[5]) <= 0) {
    std::fprintf(stderr, "usage: %s WORK SIZE HOST_PROCESSOR PEER_PROCESSOR SECONDS\n", argv[0]);
    std::exit(2);
  }
  job.work = static_cast<Work>(name - kWorkNames.begin());
  job.size = std::strtoull(argv[2], nullptr, 10);
  job.host_processor = std::atoi(argv[3]);
  job.peer_processor = std::atoi(argv[4]);
  job.seconds = std::atof(argv[5]);
  return job;
}

/// The `main` of every benchmark: `body(job)` runs the job, after the host's processor was chosen. A hang is ended
/// after some time.
template <class Body>
int run_job(int argc, char** argv, Body body) {
  const Job job = read_job(argc, argv);
  alarm(static_cast<unsigned>(20 + 10 * job.seconds));
  try {
    pin_to(job.host_processor);
    body(job);
    return 0;
  } catch (const NotOffered&) {
    return 3;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
  }
}

/// The same, with the size of the payload as a parameter: `body.operator()<Size>(job)`.
template <class Body>
int run_program(int argc, char** argv, Body body) {
  return run_job(argc, argv, [&](const Job& job) {
    switch (job.size) {
      case 64:
        return body.template operator()<64>(job);
      case 1024:
        return body.template operator()<1024>(job);
      case 16384:
        return body.template operator()<16384>(job);
      case 262144:
        return body.template operator()<262144>(job);
      case 1048576:
        return body.template operator()<1048576>(job);
      default:
        throw NotOffered();
    }
  });
}

/// Throws NotOffered if this End (see above) cannot do the job. Makes its waits sleep if the job is about sleeping.
template <class End>
void prepare(const Job& job, End& end) {
  if constexpr (requires { End::kLargest; }) {
    if (job.size > End::kLargest) throw NotOffered();  // (the code for it still has to compile)
  }
  if constexpr (requires { requires End::kIsRemote; }) {
    if (!job.is_remote_exchange()) throw NotOffered();
    return;
  }
  switch (job.work) {
    case Work::round_trip:
      return;
    case Work::stream:
      if constexpr (requires { requires !End::kStreams; }) break;
      return;
    case Work::stream_batch:
      if constexpr (requires { end.send_batch(std::span<const std::uint64_t>()); }) return;
      break;
    case Work::asleep:
      if constexpr (requires { end.never_spin(); }) return end.never_spin();
      if constexpr (requires { requires End::kSleeps; }) return;
      break;
    default:
      break;
  }
  throw NotOffered();
}

/// Does the job with a peer that is a fork of its host.
template <class End>
void run_with_fork(const Job& job) {
  const auto end = std::make_unique<End>();
  prepare(job, *end);
  Peer peer(job.peer_processor, [&] {
    end->become_peer();
    run_peer(job, *end);
  });
  if constexpr (requires { end->become_host(peer); }) {
    end->become_host(peer);
  } else {
    end->become_host();
  }
  const Result result = run_host(job, *end);
  peer.finish();
  print(result);
}

/// The `main` of a transport whose peer is a fork of its host.
template <template <std::size_t> class End>
int run_pair(int argc, char** argv) {
  return run_program(argc, argv, []<std::size_t Size>(const Job& job) { run_with_fork<End<Size>>(job); });
}

}  // namespace bench
