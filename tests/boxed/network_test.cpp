// Sandbox::client(): TCP to the given ports, and nothing else, for every start method.
#include <string>

#include "boxed/boxed_worker.hpp"
#include "boxed/listener.hpp"
#include "os/landlock.hpp"

using boxed::BoxedWorker;
using boxed::Listener;
using coproc::Sandbox;

namespace {

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
