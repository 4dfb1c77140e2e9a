// Boost.Interprocess: a message_queue in each direction.
#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <optional>
#include <string>
#include <utility>

#include "work.hpp"

namespace interprocess = boost::interprocess;

/// One direction. The memory is mapped before the fork, and its name is removed at once, so that nothing is left
/// behind.
template <std::size_t Size>
class Queue {
 public:
  explicit Queue(const char* way) {
    const std::string name = "coproc_bench_" + std::to_string(getpid()) + "_" + way;
    queue_.emplace(interprocess::create_only, name.c_str(), kDepth, Size, interprocess::permissions(0600));
    interprocess::message_queue::remove(name.c_str());
  }

  void send(const bench::Payload<Size>& payload) { queue_->send(&payload, Size, 0); }
  void receive(bench::Payload<Size>& payload) {
    interprocess::message_queue::size_type size = 0;
    unsigned priority = 0;
    queue_->receive(&payload, Size, size, priority);
    bench::check(size == Size, "a message of another size");
  }

 private:
  // As in its documentation, 100 messages may wait, but not 100 times 1 MiB.
  static constexpr std::size_t kDepth = std::clamp<std::size_t>((1 << 20) / Size, 2, 100);

  std::optional<interprocess::message_queue> queue_;
};

template <std::size_t Size>
class QueueEnd {
 public:
  static constexpr bool kSleeps = true;

  void become_host() {}
  void become_peer() { std::swap(out_, in_); }
  void send(std::uint64_t number) {
    bench::make(payload_, number);
    out_->send(payload_);
  }
  std::uint64_t receive() {
    in_->receive(received_);
    return bench::number_of(received_);
  }

 private:
  Queue<Size> there_{"there"}, back_{"back"};
  Queue<Size>*out_ = &there_, *in_ = &back_;
  bench::Payload<Size> payload_ = {}, received_ = {};
};

int main(int argc, char** argv) { return bench::run_pair<QueueEnd>(argc, argv); }
