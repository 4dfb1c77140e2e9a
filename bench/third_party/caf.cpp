// CAF, the C++ Actor Framework: an actor of the host and a remote one of the peer, over TCP on the loopback interface.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "work.hpp"

struct Config : caf::actor_system_config {
  Config() {
    load<caf::io::middleman>();
    // The default, work stealing, polls. It was slower here, and `asleep` is about processes that sleep.
    set("scheduler.policy", caf::atom("sharing"));
  }
};

/// An actor system has threads, so it is made after the fork.
struct System {
  Config config;
  caf::actor_system actors{config};
  caf::scoped_actor self{actors};
};

template <std::size_t Size>
class ActorEnd {
 public:
  static constexpr bool kSleeps = true;

  ActorEnd() {
    if (pipe2(port_, O_CLOEXEC) != 0) bench::throw_errno("pipe2");
  }
  ActorEnd(const ActorEnd&) = delete;
  ActorEnd& operator=(const ActorEnd&) = delete;
  ~ActorEnd() { close(port_[0]), close(port_[1]); }

  void become_host() {
    std::uint16_t port = 0;
    close(std::exchange(port_[1], -1));
    bench::check(read(port_[0], &port, sizeof port) == sizeof port, "the peer has not said its port");
    system_ = std::make_unique<System>();
    auto other = system_->actors.middleman().remote_actor("127.0.0.1", port);
    bench::check(static_cast<bool>(other), "remote_actor");
    other_ = *other;
    system_->self->monitor(other_);
  }
  void become_peer() {
    system_ = std::make_unique<System>();
    const auto port = system_->actors.middleman().publish(caf::actor(system_->self), 0, "127.0.0.1");
    bench::check(static_cast<bool>(port), "publish");
    bench::check(write(port_[1], &*port, sizeof *port) == sizeof *port, "the host does not listen");
  }

  void send(std::uint64_t number) {
    while (under_way_ == kWindow) take_one();
    Bytes bytes(Size);
    bench::make(*reinterpret_cast<bench::Payload<Size>*>(bytes.data()), number);
    system_->self->send(other_, std::move(bytes));
    ++under_way_;
    untold_ = 0;  // an answer also reports what was received
  }
  std::uint64_t receive() {
    while (!take_one()) {}
    return number_;
  }

 private:
  using Bytes = std::vector<char>;  // CAF moves these without encoding them

  /// Actors have no backpressure. So a receiver that has not answered for a while says how many messages it has
  /// received.
  static constexpr std::uint32_t kWindow =
      static_cast<std::uint32_t>(std::clamp<std::size_t>((4 << 20) / Size, 4, 1024));

  /// Returns true if it has taken a payload, whose number is then in number_.
  bool take_one() {
    bool is_payload = false;
    system_->self->receive(
        [&](const Bytes& bytes) {
          bench::check(bytes.size() == Size, "a message of another size");
          number_ = bench::number_of(*reinterpret_cast<const bench::Payload<Size>*>(bytes.data()));
          if (!other_) other_ = caf::actor_cast<caf::actor>(system_->self->current_sender());
          is_payload = true;
        },
        [&](std::uint32_t taken) { under_way_ -= taken; },
        [](const caf::down_msg&) { bench::check(false, "the other side is gone"); });
    if (!is_payload) return false;
    under_way_ = 0;
    if (++untold_ == kWindow / 2) system_->self->send(other_, std::exchange(untold_, 0));
    return true;
  }

  int port_[2];
  std::unique_ptr<System> system_;
  caf::actor other_;
  std::uint64_t number_ = 0;
  std::uint32_t under_way_ = 0;  // messages that were sent and that the receiver has not reported yet
  std::uint32_t untold_ = 0;     // messages that were received and not reported yet
};

int main(int argc, char** argv) { return bench::run_pair<ActorEnd>(argc, argv); }
