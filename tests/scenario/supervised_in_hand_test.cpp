// Pending::resend: which requests a worker had in hand when it died, as it has told it itself; and workers that lie
// about that.
#include <gmock/gmock.h>

#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "link/in_hand.hpp"
#include "messenger/access.hpp"
#include "messenger/core.hpp"
#include "scenario/lives.hpp"

using coproc::Message;
using coproc::PriorityMessenger;
using coproc::RequestAttemptsError;
using coproc::RequestId;
using coproc::RestartOptions;
using testing::ElementsAre;

namespace {

/// Which of 100 requests fail when a worker dies in this life, if one attempt is all that they have.
std::vector<int> blamed(Lives::Life life) {
  RestartOptions options = resending();
  options.attempts = 1;
  Lives cat({std::move(life), tenfold_counted}, options);
  const auto ids = cat.messenger().send_request_multiple(numbers(100));
  cat.shared().may_go_on = true;
  return failures_of<RequestAttemptsError>(cat.messenger(), ids);
}

void wait_for_all(PriorityMessenger& host) {
  while (host.available() < 100) std::this_thread::yield();
}

}  // namespace

TEST(SupervisedInHand, InHandIsWhatWasReceivedAndNotAnswered) {
  EXPECT_THAT(blamed(die_with(3)), ElementsAre(0, 1, 2));
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                wait_for_all(host);  // they have been taken in, and not received
                die();
              }),
              ElementsAre());
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                wait_for_all(host);
                std::vector<Message> messages;
                for (int i = 0; i < 5; ++i) messages.push_back(host.receive_blocking());
                host.reply_to(messages[1], 10);
                host.put_back(std::move(messages[4]));
                host.reply_to(messages[3], 30);
                die();
              }),
              ElementsAre(0, 2));
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared& shared) {
                while (!shared.may_go_on) std::this_thread::yield();
                const auto all = host.receive_available<int>();
                for (std::size_t i = 0; i + 2 < all.size(); ++i) host.send_reply(all[i] * 10);
                die();
              }),
              ElementsAre(98, 99));
}

TEST(SupervisedInHand, InHandIsAlsoWhatWasReceivedTogetherStraightFromTheLink) {
  RestartOptions options = resending();
  options.attempts = 1;
  const auto receive_together = [](PriorityMessenger& host, Shared& shared) {
    host.send_reply(host.receive_blocking<int>() * 10);  // behind the declarations, which go through the inbox
    while (!shared.may_go_on) std::this_thread::yield();
    const auto all = host.receive_available<int>();
    EXPECT_EQ(all.size(), 9U);
    for (std::size_t i = 0; i + 2 < all.size(); ++i) host.send_reply(all[i] * 10);
    die();
  };
  Lives cat({receive_together, tenfold_counted}, options);
  PriorityMessenger& messenger = cat.messenger();
  std::vector<RequestId> ids{messenger.send_request(0)};
  while (messenger.available() == 0) std::this_thread::yield();
  for (int i = 1; i < 10; ++i) ids.push_back(messenger.send_request(i));
  cat.shared().may_go_on = true;
  EXPECT_THAT(failures_of<RequestAttemptsError>(messenger, ids), ElementsAre(8, 9));
}

TEST(SupervisedInHand, AWorkerWithMoreInHandThanItCanTellHasAllInHand) {
  EXPECT_EQ(blamed(die_with(64)), numbers(64));
  EXPECT_EQ(blamed(die_with(65)), numbers(100));
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                std::vector<Message> messages;
                for (int i = 0; i < 70; ++i) messages.push_back(host.receive_blocking());
                for (int i = 1; i < 70; ++i) host.reply_to(messages[static_cast<std::size_t>(i)], i * 10);
                die();
              }),
              ElementsAre(0));
}

namespace {
struct Fuse {
  int value = 0;
};
}  // namespace
template <>
struct coproc::Codec<Fuse> {
  static constexpr std::string_view name = "Fuse";
  static void encode(Encoder& out, const Fuse& fuse) { out.scalar(fuse.value); }
  static Fuse decode(Decoder& in) {
    const int value = in.scalar<int>();
    if (value == 2) die();
    return {value};
  }
};

TEST(SupervisedInHand, ARequestWhoseDecodingEndsTheWorkerIsInHand) {
  const auto run = [](PriorityMessenger& host, Shared& shared) {
    for (;;) {
      host.send_reply(host.receive_blocking<Fuse>().value * 10);
      while (!shared.may_go_on) std::this_thread::yield();
    }
  };
  Lives cat({run});
  PriorityMessenger& messenger = cat.messenger();
  std::vector<RequestId> ids{messenger.send_request(Fuse{0})};
  while (messenger.available() == 0) std::this_thread::yield();  // the next ones are decoded in the link
  for (int i = 1; i < 5; ++i) ids.push_back(messenger.send_request(Fuse{i}));
  cat.shared().may_go_on = true;
  EXPECT_THAT(failures_of<RequestAttemptsError>(messenger, ids), ElementsAre(2));
  EXPECT_EQ(cat->history().size(), 2U);
}

// ---- workers that lie ----

namespace {

coproc::link::InHandWords& words_of(PriorityMessenger& host) {
  return coproc::detail::MessengerAccess::core(host)->underlying_link().in_hand_words();
}

}  // namespace

TEST(SupervisedInHand, AWorkerThatLiesAboutWhatItHasInHandOnlyHarmsItself) {
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                (void)host.receive_blocking();
                words_of(host).ids[0] = 0;
                words_of(host).decoding = ~std::uint64_t{0};
                die();
              }),
              ElementsAre());
  EXPECT_THAT(blamed([](PriorityMessenger& host, Shared&) {
                const Message message = host.receive_blocking();
                const auto id = static_cast<std::uint64_t>(message.request_id().value());
                for (std::uint64_t i = 0; i < coproc::link::kInHandSlots; ++i) words_of(host).ids[i] = id + 7;
                words_of(host).ids[5] = 1u << 30;  // none of the host's
                die();
              }),
              ElementsAre(7));
  for (const int tells : {0, 2, -1}) {
    EXPECT_EQ(blamed([tells](PriorityMessenger& host, Shared&) {
                words_of(host).tells = static_cast<std::uint32_t>(tells);
                die();
              }),
              numbers(100));
  }
}

TEST(SupervisedInHand, AWorkerThatHidesWhatEndsItMeetsTheLimitOfRestarts) {
  RestartOptions options = resending();
  options.most = 4;
  Lives cat({[](PriorityMessenger& host, Shared&) {
              (void)host.receive_blocking();
              words_of(host).ids[0] = 0;
              die();
            }},
            options);
  const RequestId id = cat.messenger().send_request(1);
  EXPECT_THROW((void)cat.messenger().receive_reply<int>(id), coproc::RestartLimitError);
  EXPECT_EQ(cat->history().size(), 4U);
}
