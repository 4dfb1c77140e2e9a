// Clients that ask the service as fast as it answers.
#pragma once

#include <algorithm>
#include <asio.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

struct Answers {
  std::size_t sent = 0;
  std::vector<double> milliseconds = {};  // of each request that had its own answer
  std::size_t lost() const { return sent - milliseconds.size(); }
};

/// A client has keys of its own, and so knows each sum. One that was forgotten, or to which a number was added twice,
/// is an answer that was lost.
inline asio::awaitable<void> ask_until(std::chrono::steady_clock::time_point end, asio::ip::tcp::endpoint service,
                                       std::string client, Answers& answers) {
  using Clock = std::chrono::steady_clock;
  asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(service, asio::use_awaitable);
  socket.set_option(asio::ip::tcp::no_delay(true));
  std::vector<std::int64_t> sums(50);
  for (auto begin = Clock::now(); begin < end; begin = Clock::now()) {
    const std::size_t number = answers.sent++;
    const std::string key = client + "-" + std::to_string(number % sums.size());
    const std::string line = key + " " + std::to_string(number) + "\n";
    const std::string expected = key + " " + std::to_string(sums[number % sums.size()] += std::int64_t(number)) + "\n";
    std::string answer;
    co_await asio::async_write(socket, asio::buffer(line), asio::use_awaitable);
    co_await asio::async_read_until(socket, asio::dynamic_buffer(answer), '\n', asio::use_awaitable);
    if (answer == expected) {
      answers.milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    } else {
      std::cerr << line << "was answered by\n" << answer << "and not by\n" << expected;
    }
  }
}

/// Asks for so long, by 16 connections, for keys that begin so, and calls `every_second` meanwhile.
inline Answers ask(asio::ip::tcp::endpoint service, std::chrono::seconds time, const std::string& keys,
                   std::function<void()> every_second) {
  asio::io_context io(1);
  Answers answers;
  const auto end = std::chrono::steady_clock::now() + time;
  for (int i = 0; i < 16; ++i) {
    const std::string client = keys + std::to_string(i);
    asio::co_spawn(io, ask_until(end, service, client, answers), [](std::exception_ptr error) {
      if (error) std::cerr << "a client lost its connection\n";  // and its request
    });
  }
  for (auto second = end - time; (second += std::chrono::seconds(1)) < end; every_second()) io.run_until(second);
  io.run();
  return answers;
}

inline void print(const char* title, Answers answers) {
  std::vector<double>& all = answers.milliseconds;
  std::sort(all.begin(), all.end());
  std::cout << title << ": sent " << answers.sent << ", answered " << all.size() << ", lost " << answers.lost()
            << "; within ms:" << std::setprecision(3);
  for (const double part : {0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto at = static_cast<std::size_t>(part * static_cast<double>(all.size()));
    if (!all.empty()) std::cout << " " << 100 * part << " %: " << all[std::min(at, all.size() - 1)];
  }
  std::cout << "\n";
}
