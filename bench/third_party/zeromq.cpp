// ZeroMQ: a PAIR socket on each side, over `ipc` in the abstract namespace, where no file can be left behind.
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "work.hpp"

template <std::size_t Size>
class ZeroEnd {
 public:
  static constexpr bool kSleeps = true;

  void become_host() {
    open();
    socket_->bind(address_);
  }
  /// Connects in the background, and tries as often as it takes.
  void become_peer() {
    open();
    socket_->connect(address_);
  }

  /// The payload is made in the message that is sent.
  void send(std::uint64_t number) {
    zmq::message_t message(Size);
    bench::make(*message.data<bench::Payload<Size>>(), number);
    bench::check(socket_->send(message, zmq::send_flags::none).has_value(), "not sent");
  }

  std::uint64_t receive() {
    bench::check(socket_->recv(message_).has_value(), "not received");
    bench::check(message_.size() == Size, "a message of another size");
    // If many messages were read at once, each lies where it arrived, with a header before it, and so may not be
    // aligned.
    const void* const data = message_.data();
    if (reinterpret_cast<std::uintptr_t>(data) % alignof(bench::Payload<Size>) == 0) {
      return bench::number_of(*static_cast<const bench::Payload<Size>*>(data));
    }
    std::memcpy(&received_, data, Size);
    return bench::number_of(received_);
  }

 private:
  /// A context has threads, so it is made after the fork.
  void open() {
    context_.emplace();
    socket_.emplace(*context_, zmq::socket_type::pair);
    socket_->set(zmq::sockopt::linger, 0);
    socket_->set(zmq::sockopt::reconnect_ivl, 1);
    // The default of 1000 messages a side may wait, but not 1000 times 1 MiB.
    const int depth = std::max<int>(4, std::min<int>(1000, (16 << 20) / Size));
    socket_->set(zmq::sockopt::sndhwm, depth);
    socket_->set(zmq::sockopt::rcvhwm, depth);
  }

  const std::string address_ = "ipc://@coproc_bench_zeromq_" + std::to_string(getpid());
  std::optional<zmq::context_t> context_;
  std::optional<zmq::socket_t> socket_;
  zmq::message_t message_;
  bench::Payload<Size> received_ = {};
};

int main(int argc, char** argv) { return bench::run_pair<ZeroEnd>(argc, argv); }
