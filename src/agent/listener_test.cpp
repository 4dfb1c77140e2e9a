// Who gets in at a near agent that waits for its far agent, and who does not.
#include "agent/listener.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "agent/call_back.hpp"
#include "os/poll.hpp"
#include "os/stream.hpp"
#include "os/tcp.hpp"

namespace {

using namespace std::chrono_literals;
using namespace coproc;
using agent::Listener;
using agent::Tls;
using agent::TlsKey;
using agent::TlsStream;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

os::Fd connect_to(const wire::Ticket& ticket) {
  os::Fd socket = os::begin_connecting("127.0.0.1", ticket.port);
  pollfd entry = {socket.get(), POLLOUT, 0};
  while (os::poll_once({&entry, 1}, os::Deadline::forever()) != os::PollEnd::ready) {}
  EXPECT_EQ(os::connecting_error(socket), 0);
  return socket;
}

/// A stranger that sends this, and then nothing more.
os::Fd stranger_that_says(const wire::Ticket& ticket, std::string_view text) {
  os::Fd socket = connect_to(ticket);
  if (!text.empty()) {
    EXPECT_EQ(os::send_some(socket.get(), bytes_of(text)).bytes, text.size());
  }
  return socket;
}

/// A thousand descriptors are more than many shells allow.
class ManyDescriptors {
 public:
  ManyDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit more = {std::min<rlim_t>(4096, before_.rlim_max), before_.rlim_max};
    if (more.rlim_cur > before_.rlim_cur) ::setrlimit(RLIMIT_NOFILE, &more);
  }
  ManyDescriptors(const ManyDescriptors&) = delete;
  ManyDescriptors& operator=(const ManyDescriptors&) = delete;
  ~ManyDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TlsKey key_of(const wire::Ticket& ticket) { return {ticket.session, ticket.secret}; }

/// What a client with this key says first.
std::string hello_of(const TlsKey& key) {
  Tls client(Tls::Role::client, key);
  EXPECT_FALSE(client.shake());
  return {reinterpret_cast<const char*>(client.output().data()), client.output().size()};
}

/// Waits for something to happen, and looks.
std::unique_ptr<agent::WireStream> wait_and_look(Listener& listener) {
  std::array<pollfd, Listener::kFds> fds;
  listener.prepare_poll(fds);
  os::poll_once(fds, os::Deadline(listener.look_in()));
  return listener.look();
}

/// Looks until the strangers are described in these words. Nobody may get in.
void expect_turned_away(Listener& listener, std::string_view words) {
  while (listener.describe_strangers().find(words) == std::string::npos) {
    ASSERT_EQ(wait_and_look(listener), nullptr) << "a stranger got in";
  }
}

/// The far agent connects, and talks.
void expect_the_right_one_gets_in(Listener& listener) {
  const wire::Ticket ticket = listener.ticket();
  std::unique_ptr<agent::WireStream> far;
  std::thread caller([&] { far = agent::call_back(ticket, os::Deadline::forever()); });
  std::unique_ptr<agent::WireStream> near;
  while (!near) near = wait_and_look(listener);
  caller.join();
  far->outbox().put_raw(bytes_of("it is me"));
  ASSERT_TRUE(far->flush());
  while (near->intake().bytes().size() < 8) ASSERT_TRUE(near->fill());
  EXPECT_EQ(std::memcmp(near->intake().bytes().data(), "it is me", 8), 0);
}

TEST(AgentListener, LetsTheOneInThatKnowsTheKey) {
  Listener listener(0, 0);
  EXPECT_NE(listener.ticket().port, 0);
  EXPECT_EQ(listener.describe_strangers(), "");
  expect_the_right_one_gets_in(listener);
}

TEST(AgentListener, ListensAtAPortOfTheRange) {
  const Listener any(0, 0);
  const std::uint16_t taken = any.ticket().port;
  EXPECT_THROW(Listener(taken, taken), std::system_error);
  const Listener next(taken, 65535);
  EXPECT_GT(next.ticket().port, taken);
}

TEST(AgentListener, TurnsStrangersAwayAndSaysWhy) {
  Listener listener(0, 0);
  const wire::Ticket& ticket = listener.ticket();
  const auto garbage = stranger_that_says(ticket, "GET / HTTP/1.1\r\n\r\n");
  expect_turned_away(listener, "; 1 were turned away, and the last one, from 127.0.0.1, did not speak TLS 1.3");
  const auto more_garbage = stranger_that_says(ticket, std::string(3000, '\xff'));
  expect_turned_away(listener, "; 2 were turned away");
  TlsKey other = key_of(ticket);
  other.secret[7] = static_cast<char>(other.secret[7] ^ 4);
  const auto other_key = stranger_that_says(ticket, hello_of(other));
  expect_turned_away(listener, "; 3 were turned away, and the last one, from 127.0.0.1, had another key");
  const auto unknown = stranger_that_says(ticket, hello_of(agent::new_tls_key()));
  expect_turned_away(listener, "; 4 were turned away, and the last one, from 127.0.0.1, did not have the key");
  { const auto gone = stranger_that_says(ticket, ""); }
  expect_turned_away(listener, "; 5 were turned away, and the last one, from 127.0.0.1, hung up");
  const auto silent = stranger_that_says(ticket, "");
  expect_turned_away(listener, "; 1 connected to its port and did not complete the handshake");
  expect_the_right_one_gets_in(listener);
}

TEST(AgentListener, AReplayedHelloUsesNoKeyUp) {
  Listener listener(0, 0);
  const std::string hello = hello_of(key_of(listener.ticket()));
  const auto first = stranger_that_says(listener.ticket(), hello);
  const auto second = stranger_that_says(listener.ticket(), hello + hello);
  expect_turned_away(listener, "; 1 were turned away");
  expect_the_right_one_gets_in(listener);
}

TEST(AgentListener, AThousandThatSayNothingDoNotKeepTheRightOneOut) {
  const ManyDescriptors many;
  Listener listener(0, 0);
  std::vector<os::Fd> silent;
  for (int i = 0; i < 1000; ++i) {
    silent.push_back(connect_to(listener.ticket()));
    if (i % 500 != 499) continue;
    EXPECT_EQ(listener.look(), nullptr);  // the kernel keeps no more
  }
  expect_the_right_one_gets_in(listener);
}

TEST(AgentListener, ThoseThatStopInTheMiddleHaveTheirTimeAndThenGo) {
  Listener listener(0, 0);
  const std::string half = hello_of(key_of(listener.ticket())).substr(0, 100);
  std::vector<os::Fd> slow;
  for (std::size_t i = 0; i < Listener::kPlaces + 2; ++i) slow.push_back(stranger_that_says(listener.ticket(), half));
  expect_turned_away(listener, "did not complete the handshake in time");
  expect_the_right_one_gets_in(listener);
}

TEST(AgentListener, HoldsNoMoreThanItsPlaces) {
  Listener listener(0, 0);
  std::vector<os::Fd> silent;
  for (std::size_t i = 0; i < 3 * Listener::kPlaces; ++i) silent.push_back(connect_to(listener.ticket()));
  EXPECT_EQ(listener.look(), nullptr);
  std::array<pollfd, Listener::kFds> fds;
  listener.prepare_poll(fds);
  EXPECT_NE(listener.describe_strangers().find("; 16 connected to its port"), std::string::npos)
      << listener.describe_strangers();
}

TEST(AgentListener, TheRightKeyOpensNoSecondConnection) {
  auto listener = std::make_unique<Listener>(0, 0);
  const wire::Ticket ticket = listener->ticket();
  std::unique_ptr<agent::WireStream> near, far, second;
  std::thread caller([&] { far = agent::call_back(ticket, os::Deadline::forever()); });
  while (!near) near = wait_and_look(*listener);
  caller.join();
  listener.reset();
  try {
    second = agent::call_back(ticket, os::Deadline(5s));
    ADD_FAILURE() << "it got in";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("127.0.0.1: Connection refused"), std::string::npos) << error.what();
  }
}

}  // namespace
