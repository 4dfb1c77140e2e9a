// Operations of Asio (coproc/asio.hpp): with functions, futures and coroutines, and cancelled one by one.
#if defined(__clang__)  // Asio 1.22 does not know that clang has coroutines
#define ASIO_HAS_CO_AWAIT 1
#define ASIO_HAS_STD_COROUTINE 1
#endif

#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <coproc/asio.hpp>
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>

#include <asio/experimental/awaitable_operators.hpp>

#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asio::use_awaitable;
using coproc::AsioMessenger;
using coproc::AsioPool;
using coproc::Pool;
using coproc::PriorityMessenger;
using coproc::WorkerResource;

namespace {

struct Twice {
  using Reply = int;
  int value;
};
struct Keep {
  using Reply = void;
  int value;
};
struct Hold {  // is never answered
  using Reply = int;
};

void serve(PriorityMessenger& host, int first) {
  std::vector<coproc::Message> held;
  host.send_norequest(first);
  for (;;) {
    coproc::Message message = host.receive_blocking();
    if (message.holds<Hold>()) {
      held.push_back(std::move(message));
    } else if (message.holds<Keep>()) {
      host.reply_to(message, std::monostate());
    } else if (message.get<Twice>().value < 0) {
      host.reply_error_to(message, std::out_of_range("negative"));
    } else {
      host.reply_to(message, 2 * message.get<Twice>().value);
    }
  }
}
using Worker = WorkerResource<void (*)(PriorityMessenger&, int)>;

int square(int x) { return x * x; }
void fail() { throw std::out_of_range("no such number"); }
void die() { ::_exit(9); }
void sleep_long() { ::sleep(1000); }

/// Runs a coroutine to its end, and throws what leaves it.
void run(asio::io_context& io, asio::awaitable<void> coroutine) {
  std::exception_ptr left;
  asio::co_spawn(io, std::move(coroutine), [&](std::exception_ptr error) { left = error; });
  io.restart();
  io.run();
  if (left) std::rethrow_exception(left);
}

asio::awaitable<void> use_worker(asio::io_context& io, Worker& worker) {
  co_await coproc::async_start(io.get_executor(), worker, 5, use_awaitable);
  AsioMessenger messages(io.get_executor(), worker.messenger());
  EXPECT_EQ(co_await messages.async_receive<int>(use_awaitable), 5);
  EXPECT_EQ(co_await messages.async_call(Twice{4}, use_awaitable), 8);
  co_await messages.async_call(Keep{4}, 100s, use_awaitable);
  const auto id = worker.messenger().send_request(Twice{6});
  const coproc::Message reply = co_await messages.async_reply(id, use_awaitable);
  EXPECT_EQ(reply.get<int>(), 12);
  EXPECT_THROW(co_await messages.async_call(Twice{-1}, use_awaitable), std::out_of_range);
  EXPECT_THROW(co_await messages.async_receive<int>(1ms, use_awaitable), coproc::TimeoutError);
  EXPECT_THROW(co_await messages.async_call(Hold{}, 1ms, use_awaitable), coproc::TimeoutError);
  EXPECT_EQ(messages.waiting(), 0U);
}

TEST(Asio, CoroutinesUseAWorker) {
  asio::io_context io(1);
  Worker worker{&serve};
  for (int restarts = 0; restarts < 2; ++restarts) {
    run(io, use_worker(io, worker));
    worker.stop();
  }
}

TEST(Asio, HandlersAreFunctionsOrFutures) {
  asio::io_context io(1);
  Worker worker{&serve};
  worker.start(1);
  AsioMessenger messages(io.get_executor(), worker.messenger());
  std::vector<int> results;
  bool is_inside = true;
  messages.async_receive<int>([&](std::exception_ptr error, int value) {
    EXPECT_FALSE(is_inside);
    EXPECT_FALSE(error);
    results.push_back(value);
  });
  for (int i = 0; i < 100; ++i) {
    messages.async_call(Twice{i}, [&, i](std::exception_ptr error, int value) {
      EXPECT_FALSE(error);
      EXPECT_EQ(value, 2 * i);
      results.push_back(value);
    });
  }
  std::future<int> future = messages.async_call(Twice{50}, asio::use_future);
  std::future<void> nothing = messages.async_call(Keep{50}, asio::use_future);
  is_inside = false;
  io.run();  // ends when nothing waits
  EXPECT_EQ(results.size(), 101U);
  EXPECT_EQ(future.get(), 100);
  nothing.get();
}

TEST(Asio, AHandlerIsCalledOnItsExecutor) {
  asio::io_context io(1), other(1);
  Worker worker{&serve};
  worker.start(1);
  AsioMessenger messages(io.get_executor(), worker.messenger());
  int result = 0;
  messages.async_call(Twice{3}, asio::bind_executor(other, [&](std::exception_ptr, int value) { result = value; }));
  io.run();
  EXPECT_EQ(result, 0);
  other.run();
  EXPECT_EQ(result, 6);
}

TEST(Asio, TheDeathOfAWorkerEndsWhatWaits) {
  asio::io_context io(1);
  Worker worker{&serve};
  worker.start(1);
  AsioMessenger messages(io.get_executor(), worker.messenger());
  int deaths = 0;
  for (int i = 0; i < 2; ++i) {
    messages.async_call(Hold{}, [&](std::exception_ptr error, int) {
      EXPECT_THROW(std::rethrow_exception(error), coproc::WorkerDiedError);
      ++deaths;
    });
  }
  ::kill(worker.pid(), SIGKILL);
  io.run();
  EXPECT_EQ(deaths, 2);
}

TEST(Asio, ASupervisedWorkerIsStartedAgain) {
  asio::io_context io(1);
  coproc::Supervised worker{&serve, {}, {.backoff = {.first = 50ms}, .pending = coproc::Pending::resend}};
  worker.start(1);
  AsioMessenger messages(io.get_executor(), worker.messenger());
  EXPECT_EQ(worker.messenger().receive_blocking<int>(), 1);
  for (int i = 0; i != 3; ++i) {
    ::kill(worker.pid(), SIGKILL);
    int value = 0;
    messages.async_call(Twice{20 + i}, [&](std::exception_ptr error, int twice) {
      EXPECT_EQ(error, nullptr);
      value = twice;
    });
    io.restart();
    io.run();
    EXPECT_EQ(value, 40 + 2 * i);
  }
  EXPECT_EQ(worker.history().size(), 3U);
}

TEST(Asio, AnOperationIsCancelledByItsSlot) {
  asio::io_context io(1);
  Worker worker{&serve};
  worker.start(1);
  AsioMessenger messages(io.get_executor(), worker.messenger());
  asio::cancellation_signal signal;
  std::string ends;
  messages.async_call(Hold{}, asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error, int) {
                        EXPECT_THROW(std::rethrow_exception(error), coproc::CancelledError);
                        ends += "cancelled ";
                      }));
  messages.async_call(Twice{1}, [&](std::exception_ptr error, int) { ends += error ? "error" : "answered "; });
  io.poll();
  signal.emit(asio::cancellation_type::terminal);
  io.run();
  EXPECT_TRUE(ends == "cancelled answered " || ends == "answered cancelled ") << ends;
  EXPECT_EQ(worker.messenger().remaining(), 0U);
  signal.emit(asio::cancellation_type::terminal);  // it is done
}

TEST(Asio, OperatorsOfAwaitablesCancelTheOther) {
  using namespace asio::experimental::awaitable_operators;
  asio::io_context io(1);
  Worker worker{&serve};
  worker.start(1);
  AsioMessenger messages(io.get_executor(), worker.messenger());
  run(io, [](AsioMessenger& from) -> asio::awaitable<void> {
    const auto first = co_await (from.async_call(Hold{}, use_awaitable) || from.async_call(Twice{4}, use_awaitable));
    EXPECT_EQ(first.index(), 1U);
    EXPECT_EQ(std::get<1>(first), 8);
  }(messages));
  EXPECT_EQ(messages.waiting(), 0U);
}

TEST(Asio, TheDestructorCancelsWhatWaits) {
  asio::io_context io(1);
  Worker worker{&serve};
  worker.start(1);
  auto messages = std::make_unique<AsioMessenger>(io.get_executor(), worker.messenger());
  int cancelled = 0;
  const auto note = [&](std::exception_ptr error, int) {
    EXPECT_THROW(std::rethrow_exception(error), coproc::CancelledError);
    ++cancelled;
  };
  messages->async_call(Hold{}, note);
  messages->async_call(Hold{}, note);
  EXPECT_EQ(messages->cancel(), 2U);
  io.run();
  EXPECT_EQ(cancelled, 2);
  messages->async_call(Hold{}, note);
  messages.reset();
  io.restart();
  io.run();
  EXPECT_EQ(cancelled, 3);
}

TEST(Asio, AnIoContextMayGoFirst) {
  Worker worker{&serve};
  worker.start(1);
  std::optional<asio::io_context> io(std::in_place, 1);
  {
    AsioMessenger messages(io->get_executor(), worker.messenger());
    messages.async_call(Hold{}, [](std::exception_ptr, int) { ADD_FAILURE() << "nothing runs any more"; });
    io->poll();
  }
  io.reset();  // destroys the handler
}

// ---- starts

TEST(AsioStart, TellsFailures) {
  asio::io_context io(1);
  Worker worker{&serve, {.working_directory = "/no/such/directory"}};
  int failures = 0;
  for (const auto method : {coproc::StartMethod::fork_server, coproc::StartMethod::fork}) {
    Worker failing{&serve, {.method = method, .working_directory = "/no/such/directory"}};
    coproc::async_start(io.get_executor(), failing, 1, [&](std::exception_ptr error) {
      EXPECT_THROW(std::rethrow_exception(error), coproc::StartError);
      ++failures;
    });
    io.restart();
    io.run();
  }
  EXPECT_EQ(failures, 2);
}

TEST(AsioStart, IsCancelledByItsSlotAndWithItsWorker) {
  asio::io_context io(1);
  asio::cancellation_signal signal;
  int cancelled = 0;
  const auto note = [&](std::exception_ptr error) {
    EXPECT_THROW(std::rethrow_exception(error), coproc::CancelledError);
    ++cancelled;
  };
  const coproc::Executable says_nothing{"/bin/sleep", {"1000"}};
  WorkerResource<coproc::Executable, PriorityMessenger> worker{says_nothing};
  coproc::async_start(io.get_executor(), worker, asio::bind_cancellation_slot(signal.slot(), note));
  signal.emit(asio::cancellation_type::terminal);
  {
    WorkerResource<coproc::Executable, PriorityMessenger> destroyed{says_nothing};
    coproc::async_start(io.get_executor(), destroyed, note);
  }
  io.run();
  EXPECT_EQ(cancelled, 2);
  EXPECT_FALSE(worker.is_alive());
}

// ---- pools

asio::awaitable<void> use_pool(AsioPool<Pool<>>& tasks, Pool<>& pool) {
  EXPECT_EQ(co_await tasks.async_submit(&square, 7, use_awaitable), 49);
  EXPECT_EQ(co_await tasks.async_submit(coproc::TaskOptions{.max_retries = 1}, &square, 8, use_awaitable), 64);
  EXPECT_EQ(co_await tasks.async_result(pool.submit(&square, 9), use_awaitable), 81);
  EXPECT_THROW(co_await tasks.async_submit(&fail, use_awaitable), std::out_of_range);
  EXPECT_THROW(co_await tasks.async_submit(&die, use_awaitable), coproc::WorkerDiedError);
}

TEST(AsioTasks, AreAwaited) {
  for (const bool background : {false, true}) {
    Pool pool({.workers = 2, .background = background});
    asio::io_context io(1);
    AsioPool tasks(io.get_executor(), pool);
    run(io, use_pool(tasks, pool));
    std::vector<std::future<int>> futures;
    for (int i = 0; i < 50; ++i) futures.push_back(tasks.async_submit(&square, i, asio::use_future));
    io.restart();
    io.run();
    for (int i = 0; i < 50; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(), i * i);
  }
}

TEST(AsioTasks, AreCancelled) {
  Pool pool({.workers = 1});
  asio::io_context io(1);
  AsioPool tasks(io.get_executor(), pool);
  asio::cancellation_signal signal;
  int cancelled = 0;
  tasks.async_submit(&sleep_long, asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
    EXPECT_THROW(std::rethrow_exception(error), coproc::TaskCancelledError);
    ++cancelled;
  }));
  io.poll();
  signal.emit(asio::cancellation_type::terminal);
  io.run();
  EXPECT_EQ(cancelled, 1);
}

TEST(AsioTasks, EndWithTheirPool) {
  asio::io_context io(1);
  std::optional<Pool<>> pool(std::in_place, coproc::PoolOptions{.workers = 1});
  int cancelled = 0;
  {
    AsioPool tasks(io.get_executor(), *pool);
    tasks.async_submit(&sleep_long, [&](std::exception_ptr error) {
      EXPECT_THROW(std::rethrow_exception(error), coproc::TaskCancelledError);
      ++cancelled;
    });
    io.poll();
  }
  pool.reset();
  io.restart();
  io.run();
  EXPECT_EQ(cancelled, 1);
}

}  // namespace
