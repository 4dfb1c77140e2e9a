// Threads that are cancelled (pthread_cancel) in calls of the library: they are unwound from waits, and the program
// goes on.
#include <gtest/gtest.h>
#include <pthread.h>

#include <coproc/coproc.hpp>

#include <array>
#include <functional>
#include <string>

#include "os/sanitizer.hpp"
#include "support/process.hpp"

using namespace std::chrono_literals;
using coproc::Messenger;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

void* run(void* body) {
  (*static_cast<std::function<void()>*>(body))();
  return nullptr;
}

pid_t thread_id() { return static_cast<pid_t>(::gettid()); }

/// Cancels a thread once it sleeps in what `body` does at last; whether it was unwound.
bool is_unwound_from(const std::function<void()>& body) {
  std::atomic<pid_t> id{0};
  std::function<void()> whole = [&] {
    id = thread_id();
    body();
  };
  pthread_t thread{};
  EXPECT_EQ(::pthread_create(&thread, nullptr, run, &whole), 0);
  while (id == 0 || support::state_of(id) != 'S') std::this_thread::yield();
  ::pthread_cancel(thread);
  void* result = nullptr;
  EXPECT_EQ(::pthread_join(thread, &result), 0);
  return result == PTHREAD_CANCELED;
}

/// What a thread does that was cancelled before it began.
bool is_cancelled_after(const std::function<void()>& body) {
  std::function<void()> whole = [&] {
    ::pthread_cancel(::pthread_self());
    body();
    ::pthread_testcancel();
  };
  pthread_t thread{};
  EXPECT_EQ(::pthread_create(&thread, nullptr, run, &whole), 0);
  void* result = nullptr;
  EXPECT_EQ(::pthread_join(thread, &result), 0);
  return result == PTHREAD_CANCELED;
}

void echo(PriorityMessenger& host) {
  while (true) host.send_reply(host.receive_blocking<std::string>());
}

struct CancelledThreads : ::testing::Test {
  void SetUp() override {
    if (coproc::os::kHasSanitizer) GTEST_SKIP() << "sanitizers do not know threads that are cancelled";
  }
};

}  // namespace

TEST_F(CancelledThreads, AreUnwoundFromWaitsAndTheMessengerGoesOn) {
  auto [a, b] = PriorityMessenger::new_pair({.spin = 0ns});
  EXPECT_TRUE(is_unwound_from([&a = a] { (void)a.receive_blocking(); }));
  EXPECT_TRUE(is_unwound_from([&a = a] { (void)a.receive_any({"x", "y"}); }));
  const auto id = a.send_request(1);
  EXPECT_TRUE(is_unwound_from([&a = a, id] { (void)a.receive_reply<int>(id); }));
  EXPECT_TRUE(is_unwound_from([&a = a] {
    std::array<Messenger*, 1> one{&a};
    (void)coproc::wait_any(one);
  }));
  EXPECT_TRUE(is_unwound_from([&a = a] {
    while (true) a.send_norequest(std::string(1000, 'x'));
  }));
  EXPECT_EQ(b.receive_blocking<int>(), 1);
  b.send_reply(2);
  EXPECT_EQ(a.receive_reply<int>(id), 2);
}

TEST_F(CancelledThreads, AreUnwoundFromTheWaitForAWorker) {
  WorkerResource worker{&echo};
  worker.start();
  EXPECT_TRUE(is_unwound_from([&] { (void)worker.messenger().receive_blocking(); }));
  EXPECT_TRUE(is_unwound_from([&] { (void)worker.join(); }));
  worker.messenger().send_request(std::string("alive"));
  EXPECT_EQ(worker.messenger().receive_blocking<std::string>(), "alive");
  EXPECT_TRUE(worker.stop().success());
}

TEST_F(CancelledThreads, EndNothingInTheMiddleOfAnyOtherCall) {
  EXPECT_TRUE(is_cancelled_after([] {
    WorkerResource worker{&echo};
    worker.start();
    worker.messenger().send_request(std::string("x"));
    (void)worker.messenger().available();
    worker.stop();
  }));
  EXPECT_TRUE(is_cancelled_after([] {
    coproc::Pool pool({.workers = 1});
    pool.wait();
  }));
}

TEST_F(CancelledThreads, AreUnwoundFromTheWaitForAPool) {
  coproc::Pool pool({.workers = 1});
  auto task = pool.submit(
      +[](int seconds) { ::sleep(static_cast<unsigned>(seconds)); }, 1000);
  EXPECT_TRUE(is_unwound_from([&] { task.get(); }));
  task.cancel();
}
