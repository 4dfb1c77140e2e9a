// ZeroMQ with its own encryption, CURVE: a PAIR socket on each side, over TCP on the loopback interface.
#include <zmq.h>

#include <cstring>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "peer.hpp"
#include "remote.hpp"

namespace {

struct Keys {
  char shared[41], secret[41];
  Keys() { bench::check(zmq_curve_keypair(shared, secret) == 0, "zmq_curve_keypair"); }
};

template <std::size_t Size>
class CurveEnd {
 public:
  static constexpr bool kIsRemote = true;

  CurveEnd() {
    if (zmq_has("curve") == 0) throw bench::NotOffered();
    if (pipe(port_) != 0) bench::throw_errno("pipe");
  }

  void become_host() {
    open();
    socket_->set(zmq::sockopt::curve_server, true);
    socket_->set(zmq::sockopt::curve_secretkey, host_.secret);
    socket_->bind("tcp://127.0.0.1:*");
    char address[64] = {};
    const std::string bound = socket_->get(zmq::sockopt::last_endpoint);
    bound.copy(address, sizeof address - 1);
    bench::check(write(port_[1], address, sizeof address) == sizeof address, "the address was not written");
  }
  void become_peer() {
    open();
    socket_->set(zmq::sockopt::curve_serverkey, host_.shared);
    socket_->set(zmq::sockopt::curve_publickey, peer_.shared);
    socket_->set(zmq::sockopt::curve_secretkey, peer_.secret);
    char address[64] = {};
    bench::check(read(port_[0], address, sizeof address) == sizeof address, "the address was not read");
    socket_->connect(address);
  }

  void send(std::uint64_t number) {
    zmq::message_t message(Size);
    bench::make(*message.data<bench::Payload<Size>>(), number);
    bench::check(socket_->send(message, zmq::send_flags::none).has_value(), "not sent");
  }
  std::uint64_t receive() {
    bench::check(socket_->recv(message_).has_value(), "not received");
    bench::check(message_.size() == Size, "a message of another size");
    std::memcpy(&received_, message_.data(), Size);  // it need not be aligned
    return bench::number_of(received_);
  }

 private:
  /// A context has threads, so it is made after the fork.
  void open() {
    context_.emplace();
    socket_.emplace(*context_, zmq::socket_type::pair);
    socket_->set(zmq::sockopt::linger, 0);
  }

  const Keys host_, peer_;
  int port_[2] = {-1, -1};  // through which the host tells its address
  std::optional<zmq::context_t> context_;
  std::optional<zmq::socket_t> socket_;
  zmq::message_t message_;
  bench::Payload<Size> received_ = {};
};

}  // namespace

int main(int argc, char** argv) { return bench::run_remote_pair<CurveEnd>(argc, argv); }
