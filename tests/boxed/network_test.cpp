// Sandbox::client(): TCP to the given ports, and nothing else, for every start method.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "boxed/boxed_worker.hpp"
#include "os/landlock.hpp"

using boxed::BoxedWorker;
using coproc::Sandbox;

namespace {

/// A server of this machine that nobody answers for.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_, raw, sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(fd_, raw, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(fd_); }
  std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

class Network : public boxed::ByEveryMethod {};
INSTANTIATE_TEST_SUITE_P(By, Network, boxed::every_method(), boxed::name_of_method);

TEST_P(Network, OnlyTheGivenPortsCanBeReached) {
  if (coproc::os::landlock_abi() < coproc::os::landlock::kAbiOfPorts) GTEST_SKIP() << "this kernel knows no ports";
  const Listener given, other;
  BoxedWorker worker(GetParam(), Sandbox::client().connect({given.port()}));
  worker.start();
  EXPECT_EQ(worker.ask("try connect " + std::to_string(given.port())), "works");
  EXPECT_EQ(worker.ask("try connect " + std::to_string(other.port())), "EACCES");
  EXPECT_EQ(worker.ask("try listen 0"), "EACCES");
  EXPECT_EQ(worker.ask("try udp"), "EACCES");
  EXPECT_EQ(worker.ask("try unix"), "EACCES");
  EXPECT_EQ(worker.ask("try open /etc/passwd"), "EACCES");
  EXPECT_TRUE(worker->stop().success());
}

TEST_P(Network, ThereIsNoneInTheOtherBoxes) {
  const Listener server;
  for (const Sandbox& box : {Sandbox::compute(), Sandbox::files().best_effort()}) {
    BoxedWorker worker(GetParam(), box);
    worker.start();
    EXPECT_EQ(worker.ask("try connect " + std::to_string(server.port())), "EACCES");
  }
}

}  // namespace
