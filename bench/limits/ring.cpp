// A bare ring in each direction: the mark for a messenger.
#include "limits/ring.hpp"

#include <utility>

#include "work.hpp"

template <std::size_t Size>
class RingEnd {
 public:
  void become_host() {}
  void become_peer() { std::swap(out_, in_); }

  void send(std::uint64_t number) {
    push(number);
    out_->publish();
  }
  void send_batch(std::span<const std::uint64_t> numbers) {
    for (const std::uint64_t number : numbers) push(number);
    out_->publish();
  }
  std::uint64_t receive() {
    in_->pop(&received_);
    return bench::number_of(received_);
  }

 private:
  void push(std::uint64_t number) {
    bench::make(payload_, number);
    out_->push(&payload_);
  }

  bench::Shared<bench::Ring<Size>> there_, back_;
  bench::Ring<Size>* out_ = &*there_;
  bench::Ring<Size>* in_ = &*back_;
  bench::Payload<Size> payload_ = {}, received_ = {};
};

int main(int argc, char** argv) { return bench::run_pair<RingEnd>(argc, argv); }
