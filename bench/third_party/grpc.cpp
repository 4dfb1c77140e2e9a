// gRPC over TCP on the loopback interface, without encryption: one call with a stream of messages in each direction.
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "grpc.grpc.pb.h"
#include "peer.hpp"
#include "remote.hpp"

namespace {

/// The peer's side of the call, which goes on until the peer is killed.
class Server final : public talk::Wire::Service {
 public:
  using Stream = grpc::ServerReaderWriter<talk::Bytes, talk::Bytes>;

  /// Waits for the call.
  Stream& stream() {
    std::unique_lock lock(mutex_);
    called_.wait(lock, [&] { return stream_ != nullptr; });
    return *stream_;
  }

 private:
  grpc::Status Talk(grpc::ServerContext*, Stream* stream) override {
    std::unique_lock lock(mutex_);
    stream_ = stream;
    called_.notify_all();
    called_.wait(lock, [] { return false; });
    return grpc::Status::OK;
  }

  std::mutex mutex_;
  std::condition_variable called_;
  Stream* stream_ = nullptr;
};

template <std::size_t Size>
class GrpcEnd {
 public:
  static constexpr bool kIsRemote = true;

  GrpcEnd() {
    if (pipe(port_) != 0) bench::throw_errno("pipe");
  }

  GrpcEnd(const GrpcEnd&) = delete;
  GrpcEnd& operator=(const GrpcEnd&) = delete;
  ~GrpcEnd() {
    if (context_ != nullptr) context_->TryCancel();
  }

  void become_peer() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(-1);
    server_ = builder.BuildAndStart();
    bench::check(server_ != nullptr && port != 0, "the server does not listen");
    bench::check(write(port_[1], &port, sizeof port) == sizeof port, "the port was not written");
    Server::Stream& stream = service_.stream();
    write_ = [&stream](const talk::Bytes& bytes) { return stream.Write(bytes); };
    read_ = [&stream](talk::Bytes& bytes) { return stream.Read(&bytes); };
  }
  void become_host() {
    int port = 0;
    bench::check(read(port_[0], &port, sizeof port) == sizeof port, "the port was not read");
    stub_ = talk::Wire::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
    context_ = std::make_unique<grpc::ClientContext>();
    stream_ = stub_->Talk(context_.get());
    write_ = [this](const talk::Bytes& bytes) { return stream_->Write(bytes); };
    read_ = [this](talk::Bytes& bytes) { return stream_->Read(&bytes); };
  }

  void send(std::uint64_t number) {
    bench::make(payload_, number);
    put(&payload_, Size);
  }
  std::uint64_t receive() {
    take(&payload_, Size);
    return bench::number_of(payload_);
  }
  void send_large(const bench::Large& values) { put(values.data(), values.size() * sizeof values[0]); }
  void receive_large(bench::Large& values) { take(values.data(), values.size() * sizeof values[0]); }

 private:
  void put(const void* data, std::size_t size) {
    out_.set_data(data, size);
    bench::check(write_(out_), "not sent");
  }
  void take(void* to, std::size_t size) {
    bench::check(read_(in_), "not received");
    bench::check(in_.data().size() == size, "a message of another size");
    std::memcpy(to, in_.data().data(), size);
  }

  int port_[2] = {-1, -1};  // through which the peer tells its port
  Server service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<talk::Wire::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReaderWriter<talk::Bytes, talk::Bytes>> stream_;
  std::function<bool(const talk::Bytes&)> write_;
  std::function<bool(talk::Bytes&)> read_;
  talk::Bytes out_, in_;
  bench::Payload<Size> payload_ = {};
};

}  // namespace

int main(int argc, char** argv) { return bench::run_remote_pair<GrpcEnd>(argc, argv); }
