// Pending::resend where something else happens than a reply that comes late: many requests and streams in hand, calls
// that do not wait, ends of messages, requests of the old worker, on_restart that throws, and broken links.
#include <gtest/gtest.h>
#include <unistd.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

#include "link/link.hpp"
#include "link/link_memory.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "scenario/lives.hpp"

using namespace std::chrono_literals;
using coproc::ChannelId;
using coproc::Message;
using coproc::PriorityMessenger;
using coproc::RequestAttemptsError;
using coproc::RequestId;
using coproc::RestartOptions;

namespace {

RestartOptions with_attempts(std::size_t attempts) {
  RestartOptions options = resending();
  options.attempts = attempts;
  return options;
}

void end_streams(PriorityMessenger& host, Shared&) {
  for (;;) host.end_reply_to(host.receive_blocking());
}
void echo(PriorityMessenger& host, Shared&) {
  for (;;) host.send_reply(host.receive_blocking<int>());
}

void ask_and_die(PriorityMessenger& host, Shared& shared) {
  host.send_request(1);
  die_with(0)(host, shared);
}
void ask_again(PriorityMessenger& host, Shared&) {
  host.send_request(2);
  host.send_norequest(host.receive_blocking<int>(), ChannelId{"answer"});
  (void)host.receive_blocking();
}

/// Where the memory of its link says how far this worker has read.
coproc::link::LinkHeader& header_of(PriorityMessenger& host) {
  auto& words = coproc::detail::MessengerAccess::core(host)->underlying_link().in_hand_words();
  return *reinterpret_cast<coproc::link::LinkHeader*>(reinterpret_cast<std::byte*>(&words) -
                                                      offsetof(coproc::link::LinkHeader, in_hand));
}

}  // namespace

TEST(SupervisedResendCorners, ManyStreamsFailEachByItsError) {
  constexpr int kStreams = 100;  // more than ends are kept of other failed requests
  Lives lives({die_with(kStreams), end_streams}, with_attempts(1));
  std::vector<coproc::Stream<int>> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(lives.messenger().stream<int>(i));
  lives.let_die_with(kStreams);
  for (auto& stream : streams) EXPECT_THROW((void)stream.next(), RequestAttemptsError);
}

TEST(SupervisedResendCorners, AStreamThatHasFailedWakesWaitAny) {
  Lives lives({die_with(1), end_streams}, with_attempts(1));
  auto stream = lives.messenger().stream<int>(1);
  lives.let_die_with(1);
  EXPECT_EQ(lives.messenger().receive_for<int>(ChannelId{"other"}, 0s), std::nullopt);
  coproc::Messenger* messengers[] = {&lives.messenger()};
  EXPECT_EQ(coproc::wait_any(messengers), 0u);
  EXPECT_THROW((void)stream.next(), RequestAttemptsError);
}

TEST(SupervisedResendCorners, ManyInHandShareTheirEnds) {
  constexpr int kRequests = 4000;  // whose ids are all in each end
  Lives lives({die_with(kRequests), echo}, resending(), 1 << 20);
  std::vector<RequestId> ids;
  for (int i = 0; i < kRequests; ++i) ids.push_back(lives.messenger().send_request(i));
  lives.let_die_with(kRequests);
  const auto before = ::sbrk(0);
  EXPECT_EQ(lives.messenger().receive_reply<int>(ids[0]), 0);
  EXPECT_LT(static_cast<char*>(::sbrk(0)) - static_cast<char*>(before), 32 << 20);
}

TEST(SupervisedResendCorners, CallsThatDoNotWaitStartAWorkerThatIsDue) {
  RestartOptions options = resending();
  options.most = 3;
  options.backoff = {.first = 100ms, .then = 100ms, .spread = 0};
  Lives lives({die_with(1), echo}, options);
  (void)lives.messenger().send_request(5);
  lives.let_die_with(1);
  EXPECT_EQ(lives.messenger().receive_for<int>(1ms), std::nullopt);  // before it is due
  while (lives.messenger().available() == 0) std::this_thread::yield();
  EXPECT_EQ(lives.messenger().receive_blocking<int>(), 5);
}

TEST(SupervisedResendCorners, AReplyToARequestOfTheOldWorkerIsNotSentToTheNewOne) {
  Lives lives({ask_and_die, ask_again});
  EXPECT_EQ(lives.messenger().receive_blocking<int>(), 1);
  lives.let_die_with(0);
  EXPECT_EQ(lives.messenger().receive_blocking<int>(), 2);
  EXPECT_THROW(lives.messenger().send_reply(10), coproc::NoRequestError);
  lives.messenger().send_reply(20);
  EXPECT_EQ(lives.messenger().receive_blocking<int>(ChannelId{"answer"}), 20);
}

TEST(SupervisedResendCorners, TheEndOfMessagesIsToldAgain) {
  const Lives::Life sum_up = [](PriorityMessenger& host, Shared& shared) {
    int sum = 0;
    try {
      for (int count = 1;; ++count) {
        const int value = host.receive_blocking<int>();
        sum += value;
        host.send_reply(value);
        if (shared.lives == 1 && count == 3) die();
      }
    } catch (const coproc::EndOfMessages&) {
      host.send_norequest(sum, ChannelId{"sum"});
    }
  };
  Lives lives({sum_up});
  for (int i = 1; i <= 5; ++i) lives.messenger().send_request(i);
  lives.messenger().send_end();
  int replies = 0;
  for (const int reply : lives.messenger().receive_remaining<int>()) replies += reply != 0;
  EXPECT_EQ(replies, 5);
  EXPECT_EQ(lives.messenger().receive_blocking<int>(ChannelId{"sum"}), 4 + 5);
  EXPECT_THROW(lives.messenger().send_request(6), coproc::LinkClosedError);
}

TEST(SupervisedResendCorners, OnRestartSendsBeforeTheEndThatIsToldAgain) {
  RestartOptions options = resending();
  coproc::Messenger* messenger = nullptr;
  options.on_restart = [&](const coproc::Restart&) { messenger->send_norequest(7, ChannelId{"setup"}); };
  Lives lives({die_with(1),
               [](PriorityMessenger& host, Shared&) {
                 const int setup = host.receive_blocking<int>(ChannelId{"setup"});
                 host.send_reply(setup * host.receive_blocking<int>());
                 EXPECT_THROW((void)host.receive_blocking(), coproc::EndOfMessages);
               }},
              options);
  messenger = &lives.messenger();
  const RequestId id = lives.messenger().send_request(5);
  lives.messenger().send_end();
  lives.wait_until_returned(1);
  lives.shared().may_go_on = true;
  EXPECT_EQ(lives.messenger().receive_reply<int>(id), 35);
}

TEST(SupervisedResendCorners, FinishSendsAgainWhatWaitsForThat) {
  constexpr int kRequests = 500;  // more than a ring holds
  Lives lives({die_with(kRequests),
               [](PriorityMessenger& host, Shared& shared) {
                 try {
                   for (;;) {
                     host.send_reply(host.receive_blocking<int>());
                     ++shared.returned;
                   }
                 } catch (const coproc::EndOfMessages&) {}
               }},
              resending(), 4096);
  for (int i = 0; i < kRequests; ++i) lives.messenger().send_request(i);
  lives.messenger().send_end();
  lives.let_die_with(kRequests);
  EXPECT_EQ(lives.messenger().receive_for<int>(ChannelId{"other"}, 0s), std::nullopt);
  EXPECT_TRUE(lives->finish().success());
  EXPECT_EQ(lives.shared().returned, kRequests);
}

TEST(SupervisedResendCorners, ARefusedAnswerToAnOldRequestLeavesTheNewOnesAlone) {
  Lives lives({ask_and_die, ask_again});
  const Message old = lives.messenger().receive_blocking();
  lives.let_die_with(0);
  EXPECT_EQ(lives.messenger().receive_blocking<int>(), 2);
  EXPECT_THROW(lives.messenger().reply_to(old, 10), coproc::NoRequestError);
  lives.messenger().send_reply(20);
  EXPECT_EQ(lives.messenger().receive_blocking<int>(ChannelId{"answer"}), 20);
}

TEST(SupervisedResendCorners, AStreamOfAWorkerThatIsNotStartedAgainIsOver) {
  RestartOptions options = resending();
  options.when = coproc::RestartWhen::never;
  Lives lives({die_with(1)}, options);
  auto stream = lives.messenger().stream<int>(1);
  lives.wait_until_returned(1);
  lives.shared().may_go_on = true;
  EXPECT_THROW((void)stream.next(), coproc::WorkerDiedError);
  EXPECT_TRUE(stream.is_over());
}

TEST(SupervisedResendCorners, AStreamGoesOnAfterOnRestartHasThrown) {
  RestartOptions options = with_attempts(5);
  options.on_restart = [](const coproc::Restart& restart) {
    if (restart.number == 1) throw coproc::WorkerDiedError("another", 1, restart.status);
  };
  Lives lives({die_with(1), end_streams}, options);
  auto stream = lives.messenger().stream<int>(1);
  lives.wait_until_returned(1);
  lives.shared().may_go_on = true;
  EXPECT_THROW((void)stream.next(), coproc::WorkerDiedError);
  EXPECT_FALSE(stream.is_over());
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST(SupervisedResendCorners, AWorkerThatBreaksItsLinkWhileRequestsWaitIsReplaced) {
  constexpr int kRequests = 500;  // more than a ring holds
  Lives lives({die_with(kRequests),
               [](PriorityMessenger& host, Shared&) {
                 header_of(host).ring[0].head.store(12345671, std::memory_order_relaxed);
                 for (;;) ::pause();
               },
               echo},
              resending(), 4096);
  for (int i = 0; i < kRequests; ++i) lives.messenger().send_request(i);
  lives.wait_until_returned(kRequests);
  lives.shared().may_go_on = true;
  EXPECT_THROW((void)lives.messenger().receive_blocking<int>(), coproc::ProtocolError);
  EXPECT_EQ(lives.messenger().receive_blocking<int>(), 0);
}
