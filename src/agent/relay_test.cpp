// Two relays, each with one end of a link and of a wire, in one process: what goes in at one link comes out at the
// other.
#include "agent/relay.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "link/frame.hpp"
#include "wire/door.hpp"
#include "wire/frame_for_test.hpp"

namespace {

using namespace coproc;
using agent::Relay;
using wire::FrameType;

using LinkPair = std::pair<std::unique_ptr<link::Link>, std::unique_ptr<link::Link>>;

LinkOptions options(std::size_t ring_bytes) {
  LinkOptions options;
  options.ring_bytes = ring_bytes;
  return options;
}

/// One agent: its link, of which the other end is a user's, and its relay.
struct Agent {
  explicit Agent(wire::Side side, std::size_t ring_bytes)
      : links(link::make_inproc_pair(options(ring_bytes))), relay(*links.first, outbox, windows), door(side, windows) {
    door.set_max_record(links.first->max_record());
  }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  link::Link& user() { return *links.second; }

  /// Everything that waits to leave, at most so many bytes.
  std::vector<std::byte> leave(std::size_t most = ~std::size_t{0}) { return wire::testing::leave(outbox, most); }
  /// Takes frames that have come, and says which.
  std::string take(const std::vector<std::byte>& bytes) {
    come.insert(come.end(), bytes.begin(), bytes.end());
    std::span<const std::byte> rest(come);
    std::string types;
    while (const auto frame = door.next(rest)) {
      types += std::to_string(static_cast<int>(frame->type)) + ' ';
      if (frame->type == FrameType::records) relay.take_records(frame->payload);
      if (frame->type == FrameType::overtaking) relay.take_overtaking();
      if (frame->type == FrameType::broken) relay.take_broken();
      if (frame->type == FrameType::close) links.first->request_close();
    }
    come.erase(come.begin(), come.end() - static_cast<std::ptrdiff_t>(rest.size()));
    return types;
  }

  wire::Windows windows;
  wire::Outbox outbox;
  LinkPair links;
  Relay relay;
  wire::Door door;
  std::vector<std::byte> come;
};

/// A near and a far agent whose worker runs.
struct Agents {
  explicit Agents(std::size_t ring_bytes = 4096)
      : near(wire::Side::near, ring_bytes), far(wire::Side::far, ring_bytes) {
    far.outbox.put_control(FrameType::hello, 0, wire::to_payload(wire::own_hello()));
    near.take(far.leave());
    near.outbox.put_bulk(FrameType::start, 0, wire::to_payload("request"));
    near.door.expect_answer();
    far.take(near.leave());
    far.outbox.put_control(FrameType::started, 0, wire::to_payload(to_bytes(remote::StartAnswer{.pid = 1})));
    near.take(far.leave());
  }

  Agent near, far;
};

bool put(link::Link& link, std::string_view text) {
  const auto room = link.reserve(4 + text.size());
  if (room.empty()) return false;
  std::memcpy(room.data() + 4, text.data(), text.size());
  link.commit(4 + text.size());
  link.publish();
  return true;
}

/// The texts of the records that are there.
std::vector<std::string> get_all(link::Link& link) {
  std::vector<std::string> texts;
  while (link.look()) {
    const auto record = link.front();
    texts.emplace_back(reinterpret_cast<const char*>(record.data()) + 4, record.size() - 4);
    link.pop();
    link.release();
  }
  return texts;
}

TEST(OneProcessRelay, RecordsComeOutAsTheyWentIn) {
  Agents agents;
  EXPECT_TRUE(put(agents.far.user(), "first"));
  EXPECT_TRUE(put(agents.far.user(), std::string(1020, 'x')));  // the largest
  agents.far.relay.send();
  agents.near.take(agents.far.leave());
  EXPECT_TRUE(agents.near.relay.deliver());
  EXPECT_EQ(get_all(agents.near.user()), (std::vector<std::string>{"first", std::string(1020, 'x')}));
  EXPECT_FALSE(agents.near.relay.deliver());
  EXPECT_TRUE(agents.near.relay.has_delivered_all());
  EXPECT_TRUE(agents.far.relay.has_sent_all());
}

TEST(OneProcessRelay, FewRecordsThatComeOneWayGather) {
  Agents agents(256 << 10);
  Relay& relay = agents.far.relay;
  const auto send = [&](int records, std::size_t bytes) {
    for (int i = 0; i < records; ++i) EXPECT_TRUE(put(agents.far.user(), std::string(bytes, 'x')));
    relay.send();
  };
  for (int i = 0; i < 3; ++i) {
    send(1, 10);
    EXPECT_FALSE(relay.lets_gather()) << "it may be a request";
  }
  send(1, 10);
  EXPECT_TRUE(relay.lets_gather());
  send(40, 1000);
  EXPECT_FALSE(relay.lets_gather()) << "there are enough without a pause";
  send(1, 10);
  EXPECT_TRUE(relay.lets_gather());
  send(0, 0);
  EXPECT_FALSE(relay.lets_gather()) << "nothing comes any more";
}

TEST(OneProcessRelay, WhoeverWaitsForAnswersIsNotKeptWaiting) {
  Agents agents;
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(put(agents.near.user(), "question"));
    agents.near.relay.send();
    agents.far.take(agents.near.leave());
    EXPECT_TRUE(agents.far.relay.deliver());
    EXPECT_FALSE(agents.near.relay.lets_gather());
    EXPECT_EQ(get_all(agents.far.user()).size(), 1u);
    EXPECT_TRUE(put(agents.far.user(), "answer"));
    agents.far.relay.send();
    agents.near.take(agents.far.leave());
    EXPECT_TRUE(agents.near.relay.deliver());
    EXPECT_FALSE(agents.far.relay.lets_gather());
    EXPECT_EQ(get_all(agents.near.user()).size(), 1u);
  }
}

TEST(OneProcessRelay, AnOvertakingIsToldBehindTheRecordThatOvertakes) {
  Agents agents;
  EXPECT_TRUE(put(agents.far.user(), "late"));
  EXPECT_TRUE(put(agents.far.user(), "early"));
  agents.far.user().note_overtaking();
  agents.far.relay.send();
  EXPECT_EQ(agents.near.take(agents.far.leave()), "4 5 ");
  EXPECT_EQ(agents.near.user().overtakings(), 0u);
  agents.near.relay.deliver();
  EXPECT_EQ(agents.near.user().overtakings(), 1u);
  EXPECT_EQ(get_all(agents.near.user()).size(), 2u);
  agents.far.relay.send();
  EXPECT_EQ(agents.near.take(agents.far.leave()), "");  // once
}

TEST(OneProcessRelay, AnOvertakingWaitsForRecordsThatFindNoRoom) {
  Agents agents;
  std::size_t sent = 0;
  for (int round = 0; round < 3; ++round) {  // three times what the near link holds
    while (put(agents.far.user(), std::string(500, 'w'))) ++sent;
    if (round == 2) agents.far.user().note_overtaking();
    agents.far.relay.send();
    agents.near.take(agents.far.leave());
    agents.near.relay.deliver();
  }
  EXPECT_EQ(agents.near.user().overtakings(), 0u);
  std::size_t received = 0;
  while (received < sent) {
    ASSERT_EQ(agents.near.user().overtakings(), 0u);
    received += get_all(agents.near.user()).size();
    agents.near.relay.deliver();
    if (agents.near.relay.has_delivered_all()) break;
  }
  received += get_all(agents.near.user()).size();
  EXPECT_EQ(received, sent);
  EXPECT_EQ(agents.near.user().overtakings(), 1u);
}

TEST(OneProcessRelay, StopsAtTheWindowAndGoesOnWithCredit) {
  Agents agents;
  std::size_t sent = 0, received = 0;
  for (int turn = 0; turn < 20'000 && agents.far.relay.wants_records(); ++turn) {
    while (put(agents.far.user(), std::string(900, 'w'))) ++sent;
    agents.far.relay.send();
    agents.near.take(agents.far.leave());
    agents.near.relay.deliver();
  }
  EXPECT_FALSE(agents.far.relay.wants_records());
  EXPECT_FALSE(agents.far.relay.has_sent_all());
  EXPECT_LE(agents.far.relay.counts().sent, wire::kWindow);
  EXPECT_GT(agents.far.relay.counts().sent, wire::kWindow - 1024);
  // Both ways wait only if the other direction does, too.
  EXPECT_FALSE(agents.far.relay.can_move_nothing());
  EXPECT_FALSE(agents.near.relay.can_move_nothing());
  for (int turn = 0; turn < 20'000 && received < sent; ++turn) {
    received += get_all(agents.near.user()).size();
    agents.near.relay.deliver();
    agents.far.take(agents.near.leave());
    agents.far.relay.send();
    agents.near.take(agents.far.leave());
  }
  EXPECT_EQ(received, sent);
  EXPECT_TRUE(agents.far.relay.wants_records());
}

TEST(OneProcessRelay, SeesWhenNothingCanMoveInEitherDirection) {
  Agents agents;
  for (int turn = 0; turn < 20'000; ++turn) {
    while (put(agents.far.user(), std::string(900, 'f'))) {}
    while (put(agents.near.user(), std::string(900, 'n'))) {}
    for (Agent* const each : {&agents.far, &agents.near}) {
      each->relay.send();
      each->relay.deliver();
    }
    agents.near.take(agents.far.leave());
    agents.far.take(agents.near.leave());
    if (agents.far.relay.can_move_nothing() && agents.near.relay.can_move_nothing()) break;
  }
  EXPECT_TRUE(agents.far.relay.can_move_nothing());
  EXPECT_TRUE(agents.near.relay.can_move_nothing());
  const wire::Stuck far = agents.far.relay.counts(), near = agents.near.relay.counts();
  EXPECT_EQ(far.sent, near.received);
  EXPECT_EQ(far.received, near.sent);
  EXPECT_EQ(far.credit_given, near.credit_taken);
  EXPECT_EQ(far.credit_taken, near.credit_given);
}

TEST(OneProcessRelay, ACloseRequestNeedsNeitherRoomNorWindow) {
  Agents agents;
  for (int turn = 0; turn < 20'000 && agents.near.relay.wants_records(); ++turn) {
    while (put(agents.near.user(), std::string(900, 'w'))) {}
    agents.near.relay.send();
    agents.far.take(agents.near.leave());
    agents.far.relay.deliver();
  }
  agents.near.user().request_close();
  agents.near.relay.send_close_request();
  agents.near.relay.send_close_request();  // of which there was one
  EXPECT_EQ(agents.far.take(agents.near.leave()), "7 ");
  EXPECT_EQ(agents.far.user().close_requests(), 1u);
}

TEST(OneProcessRelay, ABrokenLinkIsSeenByWhoReadsTheOtherOne) {
  Agents agents;
  EXPECT_TRUE(put(agents.far.user(), "before"));
  agents.far.relay.send();
  agents.far.outbox.put_bulk(FrameType::broken);
  agents.near.take(agents.far.leave());
  agents.near.relay.deliver();
  const auto all = get_all(agents.near.user());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0], "before");
  std::string impossible(32, '\xff');
  link::Frame frame;
  EXPECT_FALSE(link::parse_frame(std::as_bytes(std::span(impossible)), frame));
  EXPECT_EQ(all[1], impossible.substr(4));
}

/// A user at one end: sends numbered texts of random sizes and checks those of the other.
class User {
 public:
  User(link::Link& link, std::uint64_t seed, std::uint64_t count) : link_(link), dice_(seed), count_(count) {}

  void run() {
    while (sent_ < count_ || received_ < count_) {
      if (sent_ < count_ && put(link_, text(sent_))) ++sent_;
      for (const std::string& each : get_all(link_)) {
        if (each.substr(0, each.find(' ')) != std::to_string(received_++)) is_wrong_ = true;
      }
      std::this_thread::yield();
    }
  }
  bool is_wrong() const { return is_wrong_; }

 private:
  std::string text(std::uint64_t number) {
    if (sizes_ != number) {
      sizes_ = number;
      size_ = dice_() % 900;
    }
    return std::to_string(number) + ' ' + std::string(size_, 'x');
  }

  link::Link& link_;
  std::mt19937_64 dice_;
  std::uint64_t count_, sent_ = 0, received_ = 0, sizes_ = ~std::uint64_t{0};
  std::size_t size_ = 0;
  bool is_wrong_ = false;
};

TEST(OneProcessRelay, TwoUsersInThreadsGetEverythingInOrder) {
  Agents agents;
  constexpr std::uint64_t kCount = 5000;
  User host(agents.near.user(), 1, kCount), worker(agents.far.user(), 2, kCount);
  std::atomic<int> left{2};
  std::thread hosts([&] { host.run(), --left; });
  std::thread workers([&] { worker.run(), --left; });
  std::mt19937_64 dice(3);
  while (left != 0) {
    for (Agent* const each : {&agents.far, &agents.near}) {
      each->relay.deliver();
      each->relay.send();
    }
    agents.near.take(agents.far.leave(dice() % 5000));  // a wire that takes little at a time
    agents.far.take(agents.near.leave(dice() % 5000));
    std::this_thread::yield();
  }
  hosts.join();
  workers.join();
  EXPECT_FALSE(host.is_wrong());
  EXPECT_FALSE(worker.is_wrong());
}

}  // namespace
