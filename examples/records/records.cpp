// The sum of the numbers that were reported for each key, over TCP: a line "KEY NUMBER" is answered by "KEY SUM", or by
// "ERR reason". Four workers hold a part of the keys each. They may die at any time: no client sees it, and each number
// is added exactly once.
//
//   $ coproc-records serve 0     serves until a SIGTERM, and prints its port
//   $ coproc-records 10          asks itself for 10 s, then for 10 s in which it kills a worker every second
#include <algorithm>
#include <array>
#include <asio.hpp>
#include <atomic>
#include <charconv>
#include <coproc/coproc.hpp>
#include <coproc/supervised.hpp>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <optional>
#include <thread>

#include "load.hpp"

using namespace std::chrono_literals;
using asio::awaitable, asio::use_awaitable, asio::ip::tcp;

namespace {

struct Record {
  std::string key;
  std::int64_t sum = 0;
};
struct Report {
  using Reply = Record;
  std::string key;
  std::int32_t number = 0;
};

/// Goes on from the records of the worker before. A report is answered and saved, or neither: then it is sent again.
void keep_records(coproc::PriorityMessenger& host) {
  using Records = std::map<std::string, std::int64_t>;
  auto records = coproc::this_worker::restored<Records>().value_or(Records());
  for (;;) {
    const auto report = host.receive_blocking<Report>();
    const std::int64_t sum = records[report.key] += report.number;
    host.save_and_reply(records, Record{report.key, sum});
  }
}

/// A worker with the thread that waits for its answers. Whoever waits also starts the next worker, so that this does
/// not hold up the loop of the service.
struct Shard {
  Shard() { worker.start(); }
  ~Shard() { worker.stop(); }  // which ends the call that the thread is in
  /// Suspends until this worker, or one after it, has answered.
  awaitable<Record> ask(Report report) {
    co_return co_await asio::co_spawn(
        thread, [&]() -> awaitable<Record> { co_return call(report); }, use_awaitable);
  }
  Record call(const Report& report) try {
    return worker.messenger().call(report, 10s);
  } catch (const coproc::TimeoutError&) {
    worker.kill();  // it hangs; the next call finds it dead, and starts another one
    throw;
  }

  std::atomic<int> restarts = 0;
  coproc::Supervised<decltype(&keep_records)> worker{&keep_records,
                                                     {.name = "records"},
                                                     {.most = 60,  // within a minute
                                                      .backoff = {.most = 500ms, .reset_after = 2s},
                                                      .pending = coproc::Pending::resend,
                                                      .on_restart = [this](const coproc::Restart& restart) {
                                                        ++restarts;
                                                        std::clog << restart.describe() + "\n";
                                                      }}};
  asio::thread_pool thread{1};  // a queue of calls and one thread: only one at a time may use the messenger
};

class Service {
 public:
  explicit Service(unsigned short port) : acceptor_(io_, {asio::ip::address_v4::loopback(), port}) {
    asio::co_spawn(io_, listen(), asio::detached);
    signals_.async_wait([this](asio::error_code, int) { stop(); });
  }
  tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
  void run() { io_.run(); }
  void stop() { io_.stop(); }
  void kill(std::size_t number) { shards_.at(number % shards_.size()).worker.kill(); }
  int restarts() const {
    return std::accumulate(shards_.begin(), shards_.end(), 0,
                           [](int sum, auto& shard) { return sum + shard.restarts; });
  }

 private:
  awaitable<void> listen() {
    for (asio::steady_timer pause(io_);;) {
      asio::error_code error;
      tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(use_awaitable, error));
      if (!error) {
        asio::co_spawn(io_, talk(std::move(socket)), asio::detached);
        continue;
      }
      std::clog << "accept: " << error.message() + "\n";  // such as too many open files, which may change
      pause.expires_after(100ms);
      co_await pause.async_wait(use_awaitable);
    }
  }

  /// Ends, and closes the connection, when the client does, at errors, and at a line that is too long.
  awaitable<void> talk(tcp::socket socket) {
    socket.set_option(tcp::no_delay(true));
    for (std::string in;;) {
      auto buffer = asio::dynamic_buffer(in, 200);  // the most bytes of a line
      const std::size_t length = co_await asio::async_read_until(socket, buffer, '\n', use_awaitable);
      const std::string out = co_await answer(std::string_view(in).substr(0, length - 1));
      in.erase(0, length);
      co_await asio::async_write(socket, asio::buffer(out), use_awaitable);
    }
  }

  awaitable<std::string> answer(std::string_view line) {
    std::optional<Report> report = parse(line);
    if (!report) co_return "ERR expected: KEY NUMBER\n";
    Shard& shard = shards_[std::hash<std::string>()(report->key) % shards_.size()];
    try {
      const Record record = co_await shard.ask(std::move(*report));
      co_return record.key + " " + std::to_string(record.sum) + "\n";
    } catch (const std::exception& error) {  // too many restarts, or the request itself ends workers
      std::clog << std::string(error.what()) + "\n";
    }
    co_return "ERR not available\n";
  }

  static std::optional<Report> parse(std::string_view line) {
    const std::size_t space = line.find(' ');
    if (space == 0 || space == line.npos) return std::nullopt;
    Report report{.key = std::string(line.substr(0, space))};
    const char* const end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + space + 1, end, report.number);
    if (error != std::errc() || stop != end) return std::nullopt;
    return report;
  }

  asio::io_context io_{1};
  std::array<Shard, 4> shards_;
  tcp::acceptor acceptor_;
  asio::signal_set signals_{io_, SIGTERM, SIGINT};
};

}  // namespace

int main(int argc, char** argv) try {
  const bool serves = argc == 3 && std::string_view(argv[1]) == "serve";
  const int number = argc < 2 ? -1 : std::atoi(argv[argc - 1]);
  if ((argc != 2 && !serves) || number < (serves ? 0 : 1) || number > 65535) {
    std::cerr << "usage: coproc-records SECONDS | coproc-records serve PORT\n";
    return 2;
  }
  Service service(static_cast<unsigned short>(serves ? number : 0));
  if (serves) {
    std::cout << service.endpoint().port() << std::endl;
    service.run();
    return 0;
  }
  std::jthread thread([&] { service.run(); });
  const Answers calm = ask(service.endpoint(), std::chrono::seconds(number), "calm-", [] {});
  std::size_t kills = 0;
  const Answers killed =
      ask(service.endpoint(), std::chrono::seconds(number), "killed-", [&] { service.kill(kills++); });
  service.stop();
  print("no kills", calm);
  print("a kill a second", killed);
  std::cout << "kills " << kills << ", restarts " << service.restarts() << "\n";
  return calm.lost() + killed.lost() == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
