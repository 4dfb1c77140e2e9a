// Cap'n Proto: two-party RPC over a socketpair. A round trip is a call, and a stream is calls of a streaming method.
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <sys/socket.h>

#include <memory>

#include "capnproto.capnp.h"
#include "work.hpp"

/// Room for the payload and the call around it, so that a message is contiguous.
template <std::size_t Size>
constexpr capnp::MessageSize kRoom{Size / sizeof(capnp::word) + 64, 0};

/// Payloads are made in the message to be sent, and read in the one that was received. Cap'n Proto aligns both to
/// words.
template <std::size_t Size>
void make(capnp::Data::Builder data, std::uint64_t number) {
  bench::make(*reinterpret_cast<bench::Payload<Size>*>(data.begin()), number);
}
template <std::size_t Size>
std::uint64_t number_of(capnp::Data::Reader data) {
  bench::check(data.size() == Size, "a message of another size");
  return bench::number_of(*reinterpret_cast<const bench::Payload<Size>*>(data.begin()));
}

/// The work of the peer. It is that of bench::run_peer, but it is called by the library.
template <std::size_t Size>
class Server final : public Bench::Server {
  kj::Promise<void> exchange(ExchangeContext context) override {
    const std::uint64_t number = number_of<Size>(context.getParams().getPayload());
    context.releaseParams();
    const bool is_last = number != bench::kWrong && (number & bench::kLast) != 0;
    if (is_last) take(number & ~bench::kLast);
    make<Size>(context.getResults(kRoom<Size>).initPayload(Size), is_last ? right_ : number);
    if (is_last) seen_ = right_ = 0;
    return kj::READY_NOW;
  }
  kj::Promise<void> push(PushContext context) override {
    take(number_of<Size>(context.getParams().getPayload()));
    return kj::READY_NOW;
  }

  void take(std::uint64_t number) {
    if (number == seen_++) ++right_;
  }

  std::uint64_t seen_ = 0, right_ = 0;
};

/// An event loop and one end of the connection, which both sides have. Made after the fork, as a loop is bound to its
/// thread.
struct Connection {
  explicit Connection(int fd)
      : stream(io.lowLevelProvider->wrapSocketFd(fd, kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC)) {}

  kj::AsyncIoContext io = kj::setupAsyncIo();
  kj::Own<kj::AsyncIoStream> stream;
};

template <std::size_t Size>
class HostEnd {
 public:
  static constexpr bool kSleeps = true;

  HostEnd(const bench::Job& job, int fd) : streams_(job.work == bench::Work::stream), connection_(fd) {}

  void send(std::uint64_t number) {
    if (number == bench::kEnd) return;  // the peer sees the end of the connection instead
    if (streams_ && (number & bench::kLast) == 0) {
      auto request = bench_.pushRequest(kRoom<Size>);
      make<Size>(request.initPayload(Size), number);
      request.send().wait(connection_.io.waitScope);  // waits until the next one may be sent
    } else {
      auto request = bench_.exchangeRequest(kRoom<Size>);
      make<Size>(request.initPayload(Size), number);
      answer_ = request.send();
    }
  }
  std::uint64_t receive() {
    const auto response = std::move(answer_).wait(connection_.io.waitScope);
    return number_of<Size>(response.getPayload());
  }

 private:
  bool streams_;
  Connection connection_;
  capnp::TwoPartyClient client_{*connection_.stream};
  Bench::Client bench_ = client_.bootstrap().castAs<Bench>();
  kj::Promise<capnp::Response<Bench::ExchangeResults>> answer_ = nullptr;
};

int main(int argc, char** argv) {
  return bench::run_program(argc, argv, []<std::size_t Size>(const bench::Job& job) {
    if (!job.is_round_trip() && job.work != bench::Work::stream) throw bench::NotOffered();
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) bench::throw_errno("socketpair");
    bench::Peer peer(job.peer_processor, [&] {
      close(fds[0]);
      Connection connection(fds[1]);
      capnp::TwoPartyServer server(kj::heap<Server<Size>>());
      server.accept(*connection.stream).wait(connection.io.waitScope);
    });
    close(fds[1]);
    auto end = std::make_unique<HostEnd<Size>>(job, fds[0]);
    const bench::Result result = bench::run_host(job, *end);
    end.reset();
    close(fds[0]);
    peer.finish();
    bench::print(result);
  });
}
