// Starting is made safe: promise 14, the start method follows from the types.
#include <gmock/gmock.h>

#include <coproc/coproc.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <utility>

using coproc::PriorityMessenger;
using coproc::StartMethod;
using coproc::WorkerResource;
using ::testing::HasSubstr;

namespace {

int global = 1;  // "as before main", where a worker is no fork of this process

void function(PriorityMessenger& host) { host.send_norequest(global); }

class Class {
 public:
  explicit Class(PriorityMessenger& host) : host_(host) {}
  void operator()() { host_.send_norequest(global); }

 private:
  PriorityMessenger& host_;
};

struct Sendable {
  int number = 0;
  void operator()(PriorityMessenger& host) const { host.send_norequest(number == 7 ? global : -1); }
};

struct NotSendable {
  explicit NotSendable(int) {}
};

template <class Worker, class... A>
int global_seen_by(Worker&& worker, A&&... arguments) {
  worker.start(std::forward<A>(arguments)...);
  return worker.messenger().template receive_blocking<int>();
}

class ChangedGlobal {
 public:
  ChangedGlobal() { global = 2; }
  ChangedGlobal(const ChangedGlobal&) = delete;
  ChangedGlobal& operator=(const ChangedGlobal&) = delete;
  ~ChangedGlobal() { global = 1; }
};

/// Another thread of this process, for as long as this lives.
class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() {
    is_over_ = true;
    is_over_.notify_one();
    thread_.join();
  }

 private:
  std::atomic<bool> is_over_{false};
  std::thread thread_{[this] { is_over_.wait(false); }};
};

}  // namespace

TEST(Promises, promise_14_what_can_be_sent_is_started_by_the_fork_server) {
  const ChangedGlobal changed;
  const Thread thread;
  EXPECT_EQ(global_seen_by(WorkerResource{&function}), 1);
  EXPECT_EQ(global_seen_by(WorkerResource<Class>{}), 1);
  EXPECT_EQ(global_seen_by(WorkerResource{[](PriorityMessenger& host) { function(host); }}), 1);
  EXPECT_EQ(global_seen_by(WorkerResource{Sendable{7}}), 1);
  EXPECT_EQ(global_seen_by(WorkerResource{[](PriorityMessenger& host, const std::string& text, PriorityMessenger) {
                             host.send_norequest(text == "text" ? global : -1);
                           }},
                           "text", PriorityMessenger::new_pair().first),
            1);
}

TEST(Promises, promise_14_what_cannot_be_sent_is_started_by_a_fork) {
  const ChangedGlobal changed;
  int captured = 0;
  EXPECT_EQ(
      global_seen_by(WorkerResource{[captured](PriorityMessenger& host) { host.send_norequest(global + captured); }}),
      2);
  EXPECT_EQ(
      global_seen_by(WorkerResource{[](PriorityMessenger& host, int* where) { host.send_norequest(*where); }}, &global),
      2);
  EXPECT_EQ(
      global_seen_by(WorkerResource{[](PriorityMessenger& host, const NotSendable&) { host.send_norequest(global); }},
                     NotSendable(1)),
      2);
}

TEST(Promises, promise_14_a_fork_is_refused_where_there_are_other_threads_and_was_not_asked_for) {
  const ChangedGlobal changed;
  int captured = 0;
  auto closure = [captured](PriorityMessenger& host) { host.send_norequest(global + captured); };
  {
    const Thread thread;
    WorkerResource worker{closure, {.name = "indexer"}};
    try {
      worker.start();
      FAIL();
    } catch (const coproc::StartError& error) {
      EXPECT_EQ(error.stage(), "fork");
      EXPECT_THAT(error.what(), HasSubstr("indexer"));
      EXPECT_THAT(error.what(), HasSubstr("its target has captures"));
      EXPECT_THAT(error.what(), HasSubstr("2 threads"));
      EXPECT_THAT(error.what(), HasSubstr("StartMethod::fork by name"));
    }
    EXPECT_EQ(global_seen_by(WorkerResource{closure, {.method = StartMethod::fork}}), 2);
  }
  WorkerResource worker{closure};
  // The thread is joined, and gone a little later.
  for (bool is_started = false; !is_started;) {
    try {
      worker.start();
      is_started = true;
    } catch (const coproc::StartError&) {}
  }
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 2);
}

TEST(Promises, promise_14_a_method_that_cannot_be_is_refused_and_says_why) {
  const int captured = 0;
  auto closure = [captured](PriorityMessenger&) { (void)captured; };
  auto takes_pointer = [](PriorityMessenger&, int*) {};
  auto takes_view = [](PriorityMessenger&, const char*) {};
  const auto refusal = [](auto target, StartMethod method, auto... arguments) -> std::string {
    WorkerResource worker{std::move(target), {.method = method, .name = "indexer"}};
    try {
      worker.start(arguments...);
    } catch (const coproc::InvalidArgumentError& error) {
      return error.what();
    }
    return "it started";
  };
  for (const StartMethod method : {StartMethod::fork_server, StartMethod::spawn}) {
    EXPECT_THAT(refusal(closure, method), HasSubstr("\"indexer\" cannot be started in a new process"));
    EXPECT_THAT(refusal(closure, method), HasSubstr("captures"));
    EXPECT_THAT(refusal(closure, method), HasSubstr("use StartMethod::fork"));
    EXPECT_THAT(refusal(takes_pointer, method, &global), HasSubstr("start arguments cannot be sent"));
    EXPECT_THAT(refusal(takes_view, method, "text"), HasSubstr("text arrives as std::string"));
  }
}
