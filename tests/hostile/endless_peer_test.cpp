// What a storm could do to a wait, made certain: a peer for whom there is always something new, and never anything in it.
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
#include "link/ring_transport.hpp"
#include "messenger/access.hpp"

using namespace std::chrono_literals;
using coproc::detail::Core;
using coproc::link::FrameHeader;
using coproc::link::FrameKind;

namespace hostile {
namespace {

/// One end of a link, full and empty, in which every wait finds something all the same.
class EndlessTransport final : public coproc::link::Transport {
 public:
  explicit EndlessTransport(std::shared_ptr<coproc::link::LinkMemory> memory)
      : Transport(memory->header().side[0], memory->header().side[1],
                  coproc::ring::Producer(memory->header().ring[0], memory->ring(0)),
                  coproc::ring::Consumer(memory->header().ring[1], memory->ring(1))),
        memory_(std::move(memory)) {
    while (!reserve(max_record()).empty()) commit(max_record());
    while (!reserve(8).empty()) commit(8);
  }

  coproc::link::WaitEnd wait(const coproc::os::Deadline&, bool, std::size_t) override {
    return coproc::link::WaitEnd::changed;
  }
  std::chrono::nanoseconds begin_sleep(std::span<pollfd, kSleepFds>, bool, std::size_t) override { return {}; }
  coproc::link::WaitEnd end_sleep(std::span<const pollfd, kSleepFds>) override {
    return coproc::link::WaitEnd::changed;
  }
  void interrupt() noexcept override {}
  bool peer_has_ended() override { return false; }
  int native_handle() override { return -1; }
  void settle(bool, std::uint32_t) noexcept override {}

 private:
  bool wake() noexcept override { return true; }
  bool look_found_nothing() override { return false; }

  std::shared_ptr<coproc::link::LinkMemory> memory_;
};

coproc::PriorityMessenger endless() {
  auto memory = coproc::link::LinkMemory::create_private({.ring_bytes = 4096});
  return coproc::detail::MessengerAccess::make<coproc::PriorityMessenger>(
      std::make_unique<Core>(std::make_unique<EndlessTransport>(std::move(memory)), coproc::detail::CoreOptions{}));
}

TEST(OneProcessHostile, AStormDoesNotKeepTheTimeOfAReceiveFromPassing) {
  auto messenger = endless();
  EXPECT_EQ(messenger.receive_for(2ms), std::nullopt);
  EXPECT_EQ(messenger.receive_for(0ms), std::nullopt);
}

TEST(OneProcessHostile, AStormDoesNotKeepTheTimeOfASendFromPassing) {
  auto messenger = endless();
  EXPECT_FALSE(messenger.try_send(1));
  EXPECT_THROW(messenger.send_norequest(1, {}, {.timeout = 2ms}), coproc::TimeoutError);
}

TEST(Hostile, AFloodDoesNotHideTheEndOfTheProcess) {
  auto [host, peer] = coproc::link::make_inproc_pair({});
  const pid_t pid = ::_Fork();
  if (pid == 0) ::_exit(0);
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  host->watch(pidfd);
  // There is always something to read, as where another process that maps the link goes on writing.
  ASSERT_FALSE(peer->reserve(64).empty());
  peer->commit(64);
  peer->publish();
  while (host->wait(coproc::os::Deadline::forever(), true, 0) != coproc::link::WaitEnd::peer_gone) {}
  ::waitpid(pid, nullptr, 0);
  host.reset();
  ::close(pidfd);
}

/// What a worker sends that has only its end of the link's ring.
void put(coproc::link::RingTransport& end, FrameHeader header, std::span<const std::byte> payload) {
  const auto room = end.reserve(coproc::link::kHeaderBytes + payload.size());
  ASSERT_FALSE(room.empty());
  header.length = static_cast<std::uint32_t>(coproc::link::kHeaderBytes + payload.size());
  std::memcpy(room.data(), &header, sizeof header);
  if (!payload.empty()) std::memcpy(room.data() + sizeof header, payload.data(), payload.size());
  end.commit(header.length);
  end.publish();
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
