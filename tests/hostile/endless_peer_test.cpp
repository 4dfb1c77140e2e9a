// What a storm could do to a wait, made certain: a peer for whom there is always something new, and never anything in
// it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

#include "coproc/coproc.hpp"
#include "link/link.hpp"
#include "messenger/access.hpp"

using namespace std::chrono_literals;
using coproc::detail::Core;
using coproc::link::FrameHeader;
using coproc::link::FrameKind;

namespace hostile {
namespace {

/// A record as a worker sends it that has only its end of the link's ring. False: the ring is full.
bool try_put(coproc::link::Link& end, FrameHeader header, std::span<const std::byte> payload) {
  const auto room = end.reserve(coproc::link::kHeaderBytes + payload.size());
  if (room.empty()) return false;
  header.length = static_cast<std::uint32_t>(coproc::link::kHeaderBytes + payload.size());
  std::memcpy(room.data(), &header, sizeof header);
  if (!payload.empty()) std::memcpy(room.data() + sizeof header, payload.data(), payload.size());
  end.commit(header.length);
  return end.publish();
}

/// A messenger whose ring is full, and whose peer publishes a new record in every wait: a piece of a payload that it
/// never completes, since the next record says that its send was given up.
struct Storm {
  coproc::os::Pipe always_readable = coproc::os::Pipe::create();
  std::unique_ptr<coproc::link::Link> peer;
  coproc::PriorityMessenger messenger = make();

  coproc::PriorityMessenger make() {
    auto [host_end, peer_end] = coproc::link::make_inproc_pair({.ring_bytes = 4096});
    peer = std::move(peer_end);
    while (!host_end->reserve(host_end->max_record()).empty()) host_end->commit(host_end->max_record());
    while (!host_end->reserve(8).empty()) host_end->commit(8);
    coproc::os::write_wake(always_readable.write_end);
    // It runs in the waiting thread, between the sleep and the look that follows: every wait finds something, with no
    // luck.
    host_end->watch_also(always_readable.read_end.get(), [this] {
      const std::uint64_t announced = 1000;
      const FrameHeader piece{.kind = FrameKind::message, .flags = coproc::link::kFirstFragment | coproc::link::kAbort};
      (void)try_put(*peer, piece, std::as_bytes(std::span(&announced, 1)));
      return true;
    });
    return coproc::detail::MessengerAccess::make<coproc::PriorityMessenger>(
        std::make_unique<Core>(std::move(host_end), coproc::detail::CoreOptions{}));
  }
};

TEST(OneProcessHostile, AStormDoesNotKeepTheTimeOfAReceiveFromPassing) {
  Storm storm;
  EXPECT_EQ(storm.messenger.receive_for(2ms), std::nullopt);
  EXPECT_EQ(storm.messenger.receive_for(0ms), std::nullopt);
}

TEST(OneProcessHostile, AStormDoesNotKeepTheTimeOfASendFromPassing) {
  Storm storm;
  EXPECT_FALSE(storm.messenger.try_send(1));
  EXPECT_THROW(storm.messenger.send_norequest(1, {}, {.timeout = 2ms}), coproc::TimeoutError);
}

TEST(Hostile, AFloodDoesNotHideTheEndOfTheProcess) {
  auto [host, peer] = coproc::link::make_inproc_pair({});
  const pid_t pid = ::_Fork();
  if (pid == 0) ::_exit(0);
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  host->watch_peer(pidfd);
  // There is always something to read, as where another process that maps the link goes on writing.
  ASSERT_FALSE(peer->reserve(64).empty());
  peer->commit(64);
  peer->publish();
  while (host->wait(coproc::os::Deadline::forever(), true, 0) != coproc::link::WaitEnd::peer_gone) {}
  ::waitpid(pid, nullptr, 0);
  host.reset();
  ::close(pidfd);
}

void put(coproc::link::Link& end, FrameHeader header, std::span<const std::byte> payload) {
  ASSERT_TRUE(try_put(end, header, payload));
}

struct Fussy {
  int value = 0;
};

}  // namespace
}  // namespace hostile

template <>
struct coproc::Codec<hostile::Fussy> {
  static constexpr std::string_view name = "hostile::Fussy";
  static void encode(Encoder& encoder, const hostile::Fussy& fussy) { coproc::encode(encoder, fussy.value); }
  static hostile::Fussy decode(Decoder& decoder) {
    const int value = coproc::decode<int>(decoder);
    if (value < 0) throw std::invalid_argument("negative");
    return {value};
  }
};

namespace hostile {
namespace {

TEST(OneProcessHostile, AnErrorWhoseCodecThrowsIsReceivedOnceAsUnreadable) {
  auto [host_end, peer] = coproc::link::make_inproc_pair({});
  auto host = coproc::detail::MessengerAccess::make<coproc::PriorityMessenger>(
      std::make_unique<Core>(std::move(host_end), coproc::detail::CoreOptions{}));
  host.accept_errors<Fussy>();
  const auto& row = coproc::detail::known_error<Fussy>();
  coproc::detail::Buffer payload;
  coproc::Encoder encoder(payload, 1000);
  coproc::encode(encoder, row.id);
  coproc::encode(encoder, std::string("Fussy"));
  coproc::encode(encoder, std::string());
  coproc::encode(encoder, -1);
  const auto bytes = encoder.written();
  put(*peer, {.kind = FrameKind::error}, bytes);
  EXPECT_THROW((void)host.receive_for(0ms), coproc::RemoteError);
  EXPECT_EQ(host.receive_for(0ms), std::nullopt);
}

TEST(OneProcessHostile, RequestsThatNobodyAnswersAreBounded) {
  auto [a, b] = coproc::PriorityMessenger::new_pair({.max_queued_bytes = 4096});
  bool is_refused = false;
  for (int i = 0; i < 200'000 && !is_refused; ++i) {
    a.send_request(i);
    try {
      (void)b.receive_blocking<int>();
    } catch (const coproc::ProtocolError&) {
      is_refused = true;
    }
  }
  EXPECT_TRUE(is_refused);
}

TEST(OneProcessHostile, MoreChannelsThanThePeerTakesAreRefusedByTheSender) {
  auto [a, b] = coproc::PriorityMessenger::new_pair({.max_queued_bytes = 4096});
  EXPECT_THROW(
      {
        for (int i = 1; i < 100'000; ++i) {
          a.send_norequest(i, i);
          (void)b.receive_blocking<int>(i);
        }
      },
      coproc::InvalidArgumentError);
  a.send_norequest(0);
  EXPECT_EQ(b.receive_blocking<int>(), 0);
}

TEST(OneProcessHostile, WaitAnySaysWhichPeerBrokeTheRules) {
  auto [host_end, peer] = coproc::link::make_inproc_pair({});
  auto host = coproc::detail::MessengerAccess::make<coproc::PriorityMessenger>(
      std::make_unique<Core>(std::move(host_end), coproc::detail::CoreOptions{}));
  auto [a, b] = coproc::PriorityMessenger::new_pair();
  put(*peer, {.kind = static_cast<FrameKind>(99)}, {});
  coproc::Messenger* const both[] = {&a, &host};
  EXPECT_EQ(coproc::wait_any(both), 1u);
  EXPECT_THROW((void)host.receive_for(0ms), coproc::ProtocolError);
}

}  // namespace
}  // namespace hostile
