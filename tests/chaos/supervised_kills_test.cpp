// Supervised workers that are killed at random times: each request is answered or fails, once, and is run at most once;
// or, if it is sent again, each is answered once.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "chaos/assassin.hpp"
#include "chaos/ledger.hpp"
#include "chaos/options.hpp"

using namespace std::chrono_literals;
using coproc::RequestId;
using coproc::WorkerDiedError;

namespace {

constexpr std::size_t kRequests = 20'000;
constexpr int kDeaths[] = {SIGKILL, SIGTERM, SIGABRT, SIGSTOP};  // after SIGSTOP comes SIGKILL

/// What the workers have run, in memory that outlives them.
struct Runs {
  std::array<std::atomic<std::uint8_t>, kRequests> of;  // relaxed everywhere: read when the workers are dead
};

struct Order {
  std::uint64_t number = 0;
  std::string text;
};

/// Runs orders, and says between them how many it has run in this life.
template <class M>
void run_orders(M& host, Runs& runs) {
  ::prctl(PR_SET_DUMPABLE, 0);  // no core file
  for (std::uint64_t count = 1;; ++count) {
    const auto order = host.template receive_blocking<Order>();
    runs.of[order.number].fetch_add(1, std::memory_order_relaxed);
    if (count % 7 == 0) host.send_norequest(count, "log");
    host.send_reply(Order{order.number, std::string(order.text.rbegin(), order.text.rend())});
  }
}

/// The host's side of it: a window of requests, and what became of each.
template <class M>
class Client {
 public:
  Client(coproc::Pending pending, std::uint64_t seed) : pending_(pending), dice_(seed) {
    coproc::RestartOptions restarts{.most = 1'000'000, .backoff = {.then = 0s}, .pending = pending};
    restarts.attempts = 1'000'000;
    restarts.on_restart = [this](const coproc::Restart& restart) {
      unanswered_ += restart.unanswered - restart.resent;
      resent_ += restart.resent;
      // A call that goes on by itself would otherwise go on for ever where workers die before they can answer.
      if (restart.number < kills_) hire();
    };
    worker_.emplace(std::function<void(M&)>([this](M& host) { run_orders(host, *runs_); }),
                    coproc::WorkerOptions{.method = coproc::StartMethod::fork, .link = {.ring_bytes = 16 * 1024}},
                    std::move(restarts));
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    if (pidfd_ >= 0) ::close(pidfd_);
  }

  void survive(std::uint64_t kills) {
    kills_ = kills;
    worker_->start();
    hire();
    while (restarts() < kills && sent_ < kRequests && !testing::Test::HasFailure()) {
      while (window_.size() < 1 + dice_() % 40 && sent_ < kRequests) send();
      receive();
    }
    assassin_.dismiss();
    while (!window_.empty()) receive();
    EXPECT_EQ(worker_->messenger().remaining(), 0U);
    // What has failed: its receive has said so, or it was dropped.
    EXPECT_EQ(answered_ + failed_, sent_);
    EXPECT_EQ(failed_, unanswered_);
    worker_->stop();
    for (std::uint64_t i = 0; i < sent_; ++i) {
      const int runs = runs_->of[i].load(std::memory_order_relaxed);
      EXPECT_TRUE(runs <= 1 || is_resent()) << "order " << i << " was run again";
      EXPECT_GE(runs, is_answered_.contains(i) ? 1 : 0) << "order " << i << " was answered and not run";
    }
    std::printf("chaos: %zu kills, %llu requests, of which %llu failed\n", restarts(),
                static_cast<unsigned long long>(sent_), static_cast<unsigned long long>(failed_));
    EXPECT_GT(restarts(), 0U);
    if (!is_resent()) return;
    EXPECT_EQ(answered_, sent_);
    EXPECT_GT(resent_, 0U);
  }

 private:
  bool is_resent() const { return pending_ == coproc::Pending::resend; }
  std::size_t restarts() const {
    const auto history = worker_->history();
    return history.empty() ? 0 : history.back().number;
  }
  /// One for the present worker.
  void hire() {
    if (pidfd_ >= 0) ::close(pidfd_);
    pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, worker_->pid(), 0));
    assassin_.hire(pidfd_, kDeaths[dice_() % std::size(kDeaths)],
                   1 + static_cast<long>(dice_() % (COPROC_TEST_TIME_SCALE * 1'500'000)));
  }

  void send() {
    const Order order{sent_, std::string(dice_() % 20 == 0 ? dice_() % 20'000 : dice_() % 200, 'a')};
    try {
      const RequestId id = worker_->messenger().send_request(order);
      EXPECT_TRUE(ids_.insert(id).second) << "an id was used again";
      window_.push_back({id, sent_++});
    } catch (const WorkerDiedError&) {
      // Nothing was sent: the same number is sent again.
      EXPECT_FALSE(is_resent());
    }
  }

  /// The end of one request: in turn, out of turn, or whatever comes.
  void receive() {
    if (window_.empty()) return;
    const std::size_t which = dice_() % 3 == 0 ? dice_() % window_.size() : 0;
    const auto [id, number] = window_[which];
    try {
      if (dice_() % 5 == 0) {
        for (const std::uint64_t count : worker_->messenger().template receive_available<std::uint64_t>("log")) {
          EXPECT_EQ(count % 7, 0U);
        }
      }
      const Order reply = worker_->messenger().template receive_reply<Order>(id);
      EXPECT_EQ(reply.number, number);
      EXPECT_TRUE(is_answered_.insert(number).second);
      ++answered_;
    } catch (const WorkerDiedError& died) {
      EXPECT_FALSE(is_resent()) << died.what();
      ++failed_;
    } catch (const coproc::NoRequestError&) {
      EXPECT_EQ(pending_, coproc::Pending::drop) << "a request was forgotten";
      ++failed_;
    }
    window_.erase(window_.begin() + static_cast<std::ptrdiff_t>(which));
  }

  struct Sent {
    RequestId id;
    std::uint64_t number;
  };
  coproc::Pending pending_;
  chaos::Shared<Runs> runs_;
  std::mt19937_64 dice_;
  chaos::Assassin assassin_;
  std::optional<coproc::Supervised<std::function<void(M&)>>> worker_;
  int pidfd_ = -1;
  std::uint64_t kills_ = 0;
  std::deque<Sent> window_;
  std::set<RequestId> ids_;
  std::set<std::uint64_t> is_answered_;
  std::uint64_t sent_ = 0, answered_ = 0, failed_ = 0, unanswered_ = 0, resent_ = 0;
};

template <class M>
void kill_at_random(coproc::Pending pending) {
  const chaos::NoCoreFiles none;
  SCOPED_TRACE("COPROC_CHAOS_SEED=" + std::to_string(chaos::seed()));
  Client<M>(pending, chaos::seed()).survive(chaos::environment("COPROC_CHAOS_KILLS", 200) / 2);
}

}  // namespace

TEST(ChaosSupervised, RequestsFailOnce) { kill_at_random<coproc::PriorityMessenger>(coproc::Pending::fail); }
TEST(ChaosSupervised, RequestsFailOnceWithoutPriorities) {
  kill_at_random<coproc::MultiMessenger>(coproc::Pending::fail);
}
TEST(ChaosSupervised, RequestsThatAreSentAgainAreAllAnsweredOnce) {
  kill_at_random<coproc::PriorityMessenger>(coproc::Pending::resend);
}
TEST(ChaosSupervised, RequestsThatAreSentAgainAreAllAnsweredOnceWithoutPriorities) {
  kill_at_random<coproc::MultiMessenger>(coproc::Pending::resend);
}
TEST(ChaosSupervised, RequestsAreDroppedOnce) { kill_at_random<coproc::PriorityMessenger>(coproc::Pending::drop); }
