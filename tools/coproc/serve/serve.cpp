#include "serve.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

#include "described.hpp"
#include "guard.hpp"
#include "live.hpp"
#include "metrics.hpp"
#include "os/process_sample.hpp"
#include "page.hpp"
#include "seen.hpp"
#include "server.hpp"
#include "stack.hpp"

namespace command {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using http::status;

tcp::endpoint endpoint_of(const ServeRequest& request) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(request.address, error);
  if (error) throw std::runtime_error("--bind: this is no address: " + request.address);
  // The Host of a request is to be this address, exactly.
  if (address.is_unspecified()) throw std::runtime_error("--bind needs one address, and not all of them");
  return {address, request.port};
}

/// Listens before anything is told.
std::unique_ptr<Server> server_at(asio::io_context& context, const tcp::endpoint& at) {
  try {
    return std::make_unique<Server>(context, at);
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("cannot listen at " + at.address().to_string() + ", port " + std::to_string(at.port()) +
                             ": " + error.code().message());
  }
}

/// What is answered to whom.
class Site {
 public:
  Site(asio::io_context& context, Guard guard, Live& live) : context_(context), guard_(std::move(guard)), live_(live) {}

  void handle(const std::shared_ptr<Exchange>& exchange);

 private:
  static constexpr std::string_view kStack = "/stack/";
  static constexpr int kMostStacks = 4;

  http::Response answer_to(std::string_view path);
  void answer_stack(const std::shared_ptr<Exchange>& exchange, std::string_view pid);

  asio::io_context& context_;
  const Guard guard_;
  Live& live_;
  int stacks_waiting_ = 0;          // in the queue of the next one, or in its hands
  asio::thread_pool debugging_{1};  // a debugger takes its time, and the page goes on
};

void Site::handle(const std::shared_ptr<Exchange>& exchange) {
  const http::Request& request = exchange->request();
  if (auto refusal = guard_.refusal(request)) return Exchange::answer(exchange, std::move(*refusal));
  const std::string_view path = path_of(request);
  const bool is_stack = path.starts_with(kStack);
  if (request.method() != (is_stack ? http::verb::post : http::verb::get)) {
    auto answer = http::text(status::method_not_allowed, is_stack ? "This is a POST." : "This is a GET.");
    answer.set(http::field::allow, is_stack ? "POST" : "GET");
    return Exchange::answer(exchange, std::move(answer));
  }
  if (is_stack) return answer_stack(exchange, path.substr(kStack.size()));
  if (path == "/events") return live_.add(exchange);
  Exchange::answer(exchange, answer_to(path));
}

http::Response Site::answer_to(std::string_view path) {
  if (path == "/") {
    auto page = http::response(status::ok, "text/html; charset=utf-8", std::string(kPage));
    page.set(http::field::set_cookie, guard_.cookie());
    return page;
  }
  if (path == "/snapshot.json")
    return http::response(status::ok, "application/json", text_of(live_.fresh().json(), -1) + '\n');
  if (path == "/metrics")
    return http::response(status::ok, "text/plain; version=0.0.4; charset=utf-8", metrics_text(live_.fresh().json()));
  return http::text(status::not_found, "There is no such page.");
}

void Site::answer_stack(const std::shared_ptr<Exchange>& exchange, std::string_view text) {
  StackRequest asked;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), asked.pid);
  if (error != std::errc() || end != text.data() + text.size() || asked.pid <= 0)
    return Exchange::answer(exchange, http::text(status::not_found, "This is no process."));
  // Only what is shown is stopped for it.
  const Collector& collector = live_.fresh();
  if (const auto missing = why_missing(collector.seen(), asked.pid)) {
    std::string line = "Process " + std::to_string(asked.pid) + " is not shown";
    if (collector.sees_all() || missing->is_refused) line += std::string(": ") + missing->why;
    return Exchange::answer(exchange, http::text(missing->is_refused ? status::forbidden : status::not_found, line));
  }
  // A debugger may hang, and those who wait for it hold a connection each.
  if (stacks_waiting_ == kMostStacks) {
    auto line = http::text(status::service_unavailable, "So many stacks are being asked for already.");
    return Exchange::answer(exchange, std::move(line));
  }
  ++stacks_waiting_;
  const auto start = coproc::os::sample_process(asked.pid).value_or(coproc::os::ProcessSample()).start_ticks;
  // The exchange goes along, so that it ends in the thread of the io_context.
  asio::post(debugging_, [this, exchange = exchange, asked, start]() mutable {
    std::string stack = "The process has ended.\n";
    try {
      // Its number may be another's by now.
      const auto now = coproc::os::sample_process(asked.pid);
      if (now && now->start_ticks == start) stack = stack_text(asked).value_or(stack);
    } catch (const std::exception& failure) {
      stack = failure.what();
    }
    asio::post(context_, [this, exchange = std::move(exchange), stack = std::move(stack)]() mutable {
      --stacks_waiting_;
      Exchange::answer(exchange, http::response(status::ok, http::kText, std::move(stack)));
    });
  });
}

}  // namespace

int serve(const ServeRequest& request) {
  const tcp::endpoint at = endpoint_of(request);
  Collector collector(request.pids);
  if (!report_missing(collector.seen(), request.pids)) return 1;

  asio::io_context context(1);
  const auto server = server_at(context, at);
  const auto& address = at.address();
  Guard guard(address.is_v6() ? '[' + address.to_string() + ']' : address.to_string(), address.is_loopback(),
              server->port());
  std::printf("%s\n", guard.url().c_str());
  std::fflush(stdout);
  if (!address.is_loopback()) {
    std::fputs(
        "coproc: other machines can reach this. Whoever has the address above sees the processes, and nothing is "
        "encrypted: whoever can read the network in between has the address, too.\n",
        stderr);
  }

  Live live(context, collector);
  Site site(context, std::move(guard), live);
  server->start([&](const std::shared_ptr<Exchange>& exchange) { site.handle(exchange); });

  int result = 0;
  asio::signal_set signals(context, SIGINT, SIGTERM, SIGHUP);
  signals.async_wait([&](boost::system::error_code error, int signal) {
    if (error) return;
    result = 128 + signal;
    signals.clear();  // another one ends it even while a debugger is at work
    context.stop();
  });
  asio::steady_timer end(context);
  end.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(request.longest));
  end.async_wait([&](boost::system::error_code error) {
    if (!error) context.stop();
  });
  context.run();
  return result;
}

}  // namespace command
