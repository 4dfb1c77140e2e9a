// An HTTP server for few and small requests: one for each connection, within a time, and not many at once.
//
// Thread safety: none. Everything runs in the thread of the io_context.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "http.hpp"

namespace command {

/// A connection, its request, and the answer to it. It is closed when nobody holds it any more.
class Exchange {
 public:
  /// The longest request, with its headers.
  static constexpr std::size_t kMostBytes = 8192;
  /// So long a request may take to come, and each answer or event to go.
  static constexpr std::chrono::seconds kTime{5};

  using Handler = std::function<void(const std::shared_ptr<Exchange>&)>;

  /// `connections` are counted as long as they exist.
  Exchange(boost::asio::ip::tcp::socket socket, std::shared_ptr<int> connections);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() { --*connections_; }

  /// Calls the handler with a request that is complete, and answers others itself.
  static void read(const std::shared_ptr<Exchange>& self, Handler handler);
  /// Answers, and ends the connection. To be called once at most.
  static void answer(const std::shared_ptr<Exchange>& self, http::Response response);

  const http::Request& request() const { return parser_.get(); }
  /// For answers that have no end.
  boost::beast::tcp_stream& stream() noexcept { return stream_; }

 private:
  static void drain(const std::shared_ptr<Exchange>& self);

  boost::beast::tcp_stream stream_;
  std::shared_ptr<int> connections_;
  boost::beast::flat_static_buffer<kMostBytes> buffer_;
  http::beast::request_parser<http::beast::empty_body> parser_;
  http::Response response_;
  std::array<char, 1024> dropped_{};
};

class Server {
 public:
  /// More are told to come again later, and so many of those again are closed at once.
  static constexpr int kMostConnections = 16;

  /// Listens. Throws boost::system::system_error.
  Server(boost::asio::io_context& context, const boost::asio::ip::tcp::endpoint& at);
  /// Lets the handler answer from now on. REQUIRES: this outlives the run of the io_context.
  void start(Exchange::Handler handler);
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void accept();
  void take(boost::asio::ip::tcp::socket socket);

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::shared_ptr<int> connections_ = std::make_shared<int>(0);
  Exchange::Handler handler_;
};

}  // namespace command
