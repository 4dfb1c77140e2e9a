// An end behind what was sent: send_end, finish, and what the other side is told.
#include <gtest/gtest.h>
#include <poll.h>

#include <coproc/coproc.hpp>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "link/link.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"

using namespace std::chrono_literals;
using coproc::EndOfMessages;
using coproc::MultiMessenger;
using coproc::PriorityMessenger;
using coproc::WorkerResource;
using coproc::link::FrameHeader;
using coproc::link::FrameKind;

namespace {

struct Ranked {
  int value = 0;
  int priority = 0;
};

struct OneProcessEnd : ::testing::Test {
  std::pair<PriorityMessenger, PriorityMessenger> pair = PriorityMessenger::new_pair({.ring_bytes = 1 << 16});
  PriorityMessenger& a = pair.first;
  PriorityMessenger& b = pair.second;
};

/// Adds up what comes, and tells the sum when nothing more does.
void sum_up(PriorityMessenger& host) {
  std::this_thread::sleep_for(20ms);  // the end is there before it looks: a close request would overtake the numbers
  int sum = 0;
  try {
    for (;;) sum += host.receive_blocking<int>();
  } catch (const EndOfMessages&) {
    host.send_norequest(sum);
  }
}

}  // namespace

TEST_F(OneProcessEnd, ComesAfterAllThatWasSent) {
  for (int i = 0; i < 3; ++i) b.send_norequest(i);
  b.send_norequest(9, "lane");
  b.send_end();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(a.receive_blocking<int>(), i);
  EXPECT_THROW(a.receive_blocking<int>(), EndOfMessages);
  EXPECT_EQ(a.receive_for<int>(0s), std::nullopt) << "a look leaves what other channels hold to be received first";
  EXPECT_TRUE(a.receive_available<int>().empty());
  EXPECT_EQ(a.available(), 0u);
  EXPECT_EQ(a.receive_blocking<int>("lane"), 9);
  EXPECT_THROW((void)a.receive_for<int>(0s), EndOfMessages);
  EXPECT_THROW((void)a.receive_available<int>(), EndOfMessages);
  EXPECT_THROW((void)a.available(), EndOfMessages);
  EXPECT_THROW((void)a.receive_any({"lane", 7}), EndOfMessages);
  EXPECT_TRUE(a.end_received());
  EXPECT_FALSE(a.close_requested());
}

TEST_F(OneProcessEnd, IsACloseRequestForWhoKnowsOnlyThose) {
  b.send_end();
  EXPECT_THROW(
      try { a.receive_blocking(); } catch (const std::exception&) { FAIL(); }, coproc::ResourceRequestedClose);
}

TEST_F(OneProcessEnd, OvertakesNothingWhateverThePriorities) {
  for (int i : {5, 1, 3, 9, 2}) b.send_norequest(Ranked{i, i});
  b.send_end();
  for (int i : {1, 2, 3, 5, 9}) EXPECT_EQ(a.receive_blocking<Ranked>().value, i);
  EXPECT_THROW(a.receive_blocking<Ranked>(), EndOfMessages);
}

TEST_F(OneProcessEnd, WakesWhoWaits) {
  std::thread sender([&] {
    std::this_thread::sleep_for(20ms);
    b.send_end();
  });
  EXPECT_THROW(a.receive_blocking<int>(), EndOfMessages);
  sender.join();
}

TEST_F(OneProcessEnd, AReplyThatCannotComeIsNotWaitedFor) {
  const auto id = a.send_request(1);
  const auto answered = a.send_request(2);
  (void)b.receive_blocking<int>();
  b.reply_to(b.receive_blocking(), 3);
  b.send_end();
  EXPECT_EQ(a.receive_reply<int>(answered), 3);
  EXPECT_THROW((void)a.receive_reply<int>(id), EndOfMessages);
  EXPECT_THROW((void)a.receive_reply<int>(id, 0s), EndOfMessages);
  EXPECT_THROW(for (int reply : a.receive_remaining<int>()) EXPECT_EQ(reply, 0), EndOfMessages);
}

TEST_F(OneProcessEnd, NothingCanBeSentBehindItAndTheOtherDirectionGoesOn) {
  b.send_end();
  b.send_end();
  EXPECT_THROW(b.send_norequest(1), coproc::LinkClosedError);
  EXPECT_THROW(b.send_request(1), coproc::LinkClosedError);
  EXPECT_THROW(b.send_error(std::runtime_error("late")), coproc::LinkClosedError);
  EXPECT_EQ(b.remaining(), 0u);
  EXPECT_THROW((void)a.receive_available<int>(), EndOfMessages);
  a.send_norequest(4);
  EXPECT_EQ(b.receive_blocking<int>(), 4);
  b.send_close_request();
  EXPECT_TRUE(a.close_requested());
}

TEST_F(OneProcessEnd, IsToldBeforeThePeersOwnEnd) {
  {
    PriorityMessenger gone = std::move(b);
    gone.send_norequest(1);
    gone.send_end();
  }
  EXPECT_EQ(a.receive_blocking<int>(), 1);
  EXPECT_THROW(a.receive_blocking<int>(), EndOfMessages);
  EXPECT_THROW(a.receive_blocking<int>(), coproc::PeerClosedError);
}

TEST_F(OneProcessEnd, IsSeenByEventLoopsAndWaitsForSeveral) {
  pollfd handle{a.native_handle(), POLLIN, 0};
  EXPECT_EQ(::poll(&handle, 1, 0), 0);
  b.send_end();
  EXPECT_EQ(::poll(&handle, 1, 10'000), 1);
  EXPECT_THROW((void)a.receive_available<int>(), EndOfMessages);
  EXPECT_EQ(::poll(&handle, 1, 10'000), 1);
  coproc::Messenger* const one[] = {&a};
  EXPECT_EQ(coproc::wait_any(one, 10s), 0u);
}

TEST_F(OneProcessEnd, ALargeMessageBeforeItIsWhole) {
  const std::vector<int> large(100'000, 7);
  std::thread sender([&] {
    b.send_norequest(large);
    b.send_end();
  });
  EXPECT_EQ(a.receive_blocking<std::vector<int>>(), large);
  EXPECT_THROW(a.receive_blocking<int>(), EndOfMessages);
  sender.join();
}

/// A host, and the bare end of a peer that sends frames without a payload.
struct OneProcessLiar : ::testing::Test {
  std::pair<std::unique_ptr<coproc::link::Link>, std::unique_ptr<coproc::link::Link>> ends =
      coproc::link::make_inproc_pair({.ring_bytes = 1 << 16});
  coproc::link::Link& peer = *ends.second;
  PriorityMessenger host = coproc::detail::MessengerAccess::make<PriorityMessenger>(
      std::make_unique<coproc::detail::Core>(std::move(ends.first), coproc::detail::CoreOptions{}));

  void put(FrameKind kind) {
    FrameHeader header{.kind = kind};
    header.length = coproc::link::kHeaderBytes;
    const auto room = peer.reserve(header.length);
    std::memcpy(room.data(), &header, sizeof header);
    peer.commit(header.length);
    (void)peer.publish();
  }
};
struct OneProcessLiarsKind : OneProcessLiar, ::testing::WithParamInterface<int> {};

TEST_P(OneProcessLiarsKind, BehindAnEndIsAProtocolError) {
  put(FrameKind::end);
  put(static_cast<FrameKind>(GetParam()));
  if (static_cast<FrameKind>(GetParam()) == FrameKind::final_error) {
    EXPECT_THROW((void)host.receive_blocking<int>(), coproc::RemoteError);  // unreadable, and still an error
  } else {
    EXPECT_THROW((void)host.receive_blocking(), coproc::ProtocolError);
    EXPECT_THROW((void)host.receive_for<int>(0s), coproc::ProtocolError);
  }
}
INSTANTIATE_TEST_SUITE_P(All, OneProcessLiarsKind, ::testing::Range(1, 11));

TEST_F(OneProcessLiar, AMessageWithoutATypeIsAProtocolErrorForWhoTakesAnyToo) {
  put(FrameKind::message);
  EXPECT_THROW((void)host.receive_blocking(), coproc::ProtocolError);
}

TEST(Finish, TheWorkerEndsAfterWhatItWasSent) {
  WorkerResource worker{sum_up};
  worker.start();
  for (int i = 1; i <= 100; ++i) worker.messenger().send_norequest(i);
  const auto status = worker.finish();
  EXPECT_TRUE(status.success());
  EXPECT_EQ(status.stopped_by, coproc::StopRung::none);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 5050);
  EXPECT_THROW(worker.messenger().receive_blocking<int>(), coproc::WorkerDiedError);
  EXPECT_TRUE(worker.finish().success());
  worker.start();  // a new link
  worker.messenger().send_norequest(2);
  EXPECT_TRUE(worker.finish().success());
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 2);
}

TEST(Finish, IsACleanEndForATargetThatKnowsNothingOfIt) {
  WorkerResource worker{[](PriorityMessenger& host) {
    for (;;) host.send_norequest(std::string(100'000, char('a' + host.receive_blocking<int>())));
  }};
  worker.start();
  for (int i = 0; i < 20; ++i) worker.messenger().send_norequest(i);
  EXPECT_TRUE(worker.finish().success()) << "what it sends, more than the link holds, is taken in meanwhile";
  for (int i = 0; i < 20; ++i) EXPECT_EQ(worker.messenger().receive_blocking<std::string>()[0], char('a' + i));
}

TEST(Finish, StopsAWorkerThatDoesNotEndInTime) {
  WorkerResource worker{[](PriorityMessenger&) {
                          for (;;) std::this_thread::sleep_for(1s);
                        },
                        {.stop = {.close = 10ms}}};
  worker.start();
  EXPECT_EQ(worker.finish(50ms).stopped_by, coproc::StopRung::terminate);
  WorkerResource never{sum_up};
  EXPECT_THROW(never.finish(), coproc::NoLinkError);
}

TEST(Finish, StopsAWorkerThatTakesNothing) {
  WorkerResource worker{[](PriorityMessenger&) {
                          for (;;) std::this_thread::sleep_for(1s);
                        },
                        {.stop = {.close = 10ms}, .link = {.ring_bytes = 1 << 16}}};
  worker.start();
  while (worker.messenger().try_send(std::string(1000, 'x'))) {}
  EXPECT_EQ(worker.finish(50ms).stopped_by, coproc::StopRung::terminate);
}

TEST(Finish, AWorkersEndIsAnErrorOfTheHostAndDoesNotHideItsDeath) {
  WorkerResource worker{[](PriorityMessenger& host) {
    host.send_norequest(1);
    host.send_end();
    throw std::runtime_error("after the end");
  }};
  worker.start();
  EXPECT_EQ(worker.join().code(), 1);
  EXPECT_THROW(worker.messenger().receive_blocking<int>(), std::runtime_error);
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  EXPECT_THROW(worker.messenger().receive_blocking<int>(), coproc::EndOfWorkersMessages);
  EXPECT_THROW(worker.messenger().receive_blocking<int>(), coproc::WorkerDiedError);
}
