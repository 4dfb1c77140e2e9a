// coproc-service-load PORT CONNECTIONS SECONDS [kill]: asks a coproc-service as fast as it answers, and prints how long
// the answers took. With `kill` it ends one of the service's workers every second. Its exit code is 1 if a request had
// no proper answer.
#include <signal.h>

#include <asio.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asio::awaitable, asio::use_awaitable, asio::ip::tcp;
using Clock = std::chrono::steady_clock;

struct Counts {
  std::vector<double> milliseconds = {};
  std::map<std::string, int> errors = {};
  bool is_over = false;
};

awaitable<void> ask(tcp::endpoint service, unsigned seed, Counts& counts) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(service, use_awaitable);
  socket.set_option(tcp::no_delay(true));
  std::mt19937 random(seed);
  for (asio::streambuf in; !counts.is_over;) {
    const std::string key = "key" + std::to_string(random() % 2000);
    const bool puts = random() % 4 == 0;
    const std::string line = puts ? "PUT " + key + " " + std::string(100, 'v') + "\n" : "GET " + key + "\n";
    const auto begin = Clock::now();
    co_await asio::async_write(socket, asio::buffer(line), use_awaitable);
    co_await asio::async_read_until(socket, in, '\n', use_awaitable);
    counts.milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    std::string answer;
    std::istream lines(&in);
    std::getline(lines, answer);
    if (!answer.starts_with("OK") && answer.find("NoSuchKey") == std::string::npos) ++counts.errors[answer];
  }
}

awaitable<void> end_workers(tcp::endpoint service, Counts& counts) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(service, use_awaitable);
  asio::steady_timer pause(socket.get_executor());
  for (std::size_t turn = 0; !counts.is_over; ++turn) {
    pause.expires_after(1s);
    co_await pause.async_wait(use_awaitable);
    std::string pids;
    co_await asio::async_write(socket, asio::buffer("PIDS\n", 5), use_awaitable);
    co_await asio::async_read_until(socket, asio::dynamic_buffer(pids), '\n', use_awaitable);
    std::istringstream words(pids);
    const std::vector<pid_t> workers(std::istream_iterator<pid_t>(words), {});
    ::kill(workers.at(turn % workers.size()), SIGKILL);
  }
}

int main(int argc, char** argv) {
  if (argc < 4) return std::cerr << "coproc-service-load PORT CONNECTIONS SECONDS [kill]\n", 2;
  const tcp::endpoint service(asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1])));
  asio::io_context io(1);
  Counts counts;
  const auto spawn = [&](awaitable<void> coroutine) {
    asio::co_spawn(io, std::move(coroutine), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  };
  for (int i = 0; i < std::atoi(argv[2]); ++i) spawn(ask(service, static_cast<unsigned>(i), counts));
  if (argc > 4) spawn(end_workers(service, counts));
  asio::steady_timer end(io, std::chrono::seconds(std::atoi(argv[3])));
  end.async_wait([&](asio::error_code) { counts.is_over = true; });
  io.run();

  std::vector<double>& all = counts.milliseconds;
  std::sort(all.begin(), all.end());
  std::cout << all.size() << " requests; ms:";
  for (const double part : {0.5, 0.9, 0.99, 0.999, 1.0}) {
    const std::size_t at = static_cast<std::size_t>(part * static_cast<double>(all.size()));
    std::cout << " p" << 100 * part << " " << all.at(std::min(at, all.size() - 1));
  }
  std::cout << "\n";
  for (const auto& [answer, count] : counts.errors) std::cout << count << " x " << answer << "\n";
  return counts.errors.empty() ? 0 : 1;
}
