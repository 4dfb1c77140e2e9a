// A messenger as an End (work.hpp), at the host and in its worker.
#pragma once

#include <coproc/coproc.hpp>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "payload.hpp"
#include "work.hpp"

namespace bench {

/// Round trips are requests and replies, and streams are messages without replies. A batch is several requests that are
/// sent together; the receiver takes all that have arrived, and replies to each after the stream, when its time has
/// been taken.
template <class Messenger, std::size_t Size>
class MessengerEnd {
 public:
  MessengerEnd(Messenger& messenger, const Job& job, bool is_host) : messenger_(messenger) {
    if (job.is_round_trip()) send_by_ = is_host ? SendBy::request : SendBy::reply;
    if (job.work == Work::stream_batch) (is_host ? asks_in_batches_ : takes_available_) = true;
  }

  void send(std::uint64_t number) {
    make(payload_, number);
    switch (send_by_) {
      case SendBy::norequest:
        messenger_.send_norequest(payload_);
        return reply_to_all();
      case SendBy::request:
        return static_cast<void>(messenger_.send_request(payload_));
      case SendBy::reply:
        return messenger_.send_reply(payload_);
    }
  }

  void send_batch(std::span<const std::uint64_t> numbers) {
    batch_.resize(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) make(batch_[i], numbers[i]);
    messenger_.send_request_multiple(batch_);
  }

  std::uint64_t receive() {
    if (!takes_available_) return number_of(messenger_.template receive_blocking<Payload<Size>>());
    if (next_ == available_.size()) {
      next_ = 0;
      available_ = messenger_.template receive_available<Payload<Size>>();
      if (available_.empty()) available_.push_back(messenger_.template receive_blocking<Payload<Size>>());
    }
    ++unanswered_;
    return number_of(available_[next_++]);
  }

  void settle() {
    if (!asks_in_batches_) return;
    for ([[maybe_unused]] const bool reply : messenger_.template receive_remaining<bool>()) {}
  }

 private:
  enum class SendBy { norequest, request, reply };

  void reply_to_all() {
    for (; unanswered_ != 0; --unanswered_) messenger_.send_reply(true);
  }

  Messenger& messenger_;
  SendBy send_by_ = SendBy::norequest;
  bool asks_in_batches_ = false, takes_available_ = false;
  std::uint64_t unanswered_ = 0;
  Payload<Size> payload_ = {};
  std::vector<Payload<Size>> batch_, available_;
  std::size_t next_ = 0;
};

/// The function that the worker runs.
template <class Messenger, std::size_t Size>
void serve(Messenger& host, Job job) {
  pin_to(job.peer_processor);
  const auto end = std::make_unique<MessengerEnd<Messenger, Size>>(host, job, false);
  run_peer(job, *end);
}

/// Makes waits never spin, for the work `asleep`. Returns false if this version of coproc has no such option.
template <class Options = coproc::LinkOptions>
bool never_spin(Options& link) {
  if constexpr (requires { link.spin; }) {
    link.spin = std::chrono::seconds(0);
    return true;
  } else {
    return false;
  }
}

template <class Messenger, std::size_t Size>
void run_messenger(const Job& job) {
  coproc::WorkerOptions options;
#ifdef BENCH_BOXED
  options.sandbox = coproc::Sandbox::compute();
#endif
  if (job.work == Work::asleep && !never_spin(options.link)) throw NotOffered();
  coproc::WorkerResource worker{serve<Messenger, Size>, options};
  worker.start(job);
  const auto end = std::make_unique<MessengerEnd<Messenger, Size>>(worker.messenger(), job, true);
  const Result result = run_host(job, *end);
  check(worker.join().code() == 0, "the worker failed");
  print(result);
}

}  // namespace bench
