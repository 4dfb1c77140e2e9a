#include "server.hpp"

#include <fcntl.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>
#include <utility>

namespace command {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// Debuggers that are started must not keep connections open.
void close_on_exec(int descriptor) { (void)::fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

/// The answer to what is no request that could be served; no code: there is nobody to answer.
std::optional<http::Response> answer_to(error_code error) {
  using Error = http::beast::error;
  if (error == Error::header_limit || error == Error::buffer_overflow)
    return http::text(http::status::request_header_fields_too_large, "The request is too large.");
  if (error == Error::unexpected_body || error == Error::body_limit)
    return http::text(http::status::payload_too_large, "Requests have no bodies here.");
  if (error == Error::end_of_stream || error == Error::partial_message) return std::nullopt;
  if (error.category() == http::beast::make_error_code(Error::end_of_stream).category())
    return http::text(http::status::bad_request, "This is no HTTP.");
  return std::nullopt;
}

}  // namespace

Exchange::Exchange(tcp::socket socket, std::shared_ptr<int> connections)
    : stream_(std::move(socket)), connections_(std::move(connections)) {
  ++*connections_;
  parser_.header_limit(kMostBytes);
}

void Exchange::read(const std::shared_ptr<Exchange>& self, Handler handler) {
  Exchange& it = *self;
  it.stream_.expires_after(kTime);  // for all of it, however slowly its bytes come
  http::beast::async_read(it.stream_, it.buffer_, it.parser_,
                          [self, handler = std::move(handler)](error_code error, std::size_t) {
                            if (!error) return handler(self);
                            if (auto refusal = answer_to(error)) answer(self, std::move(*refusal));
                          });
}

void Exchange::answer(const std::shared_ptr<Exchange>& self, http::Response response) {
  Exchange& it = *self;
  it.response_ = std::move(response);
  it.response_.prepare_payload();
  it.stream_.expires_after(kTime);
  http::beast::async_write(it.stream_, it.response_, [self](error_code error, std::size_t) {
    if (error) return;
    self->stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    self->stream_.expires_after(kTime);
    drain(self);
  });
}

/// A connection that is closed with unread bytes is reset, and what was answered may be lost.
void Exchange::drain(const std::shared_ptr<Exchange>& self) {
  self->stream_.async_read_some(asio::buffer(self->dropped_), [self](error_code error, std::size_t) {
    if (!error) drain(self);
  });
}

Server::Server(asio::io_context& context, const tcp::endpoint& at) : acceptor_(context, at), pause_(context) {
  close_on_exec(acceptor_.native_handle());
}

void Server::start(Exchange::Handler handler) {
  handler_ = std::move(handler);
  accept();
}

void Server::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (!error) {
      take(std::move(socket));
      return accept();
    }
    // There may be no descriptors left, so that it would fail at once again.
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([this](error_code) { accept(); });
  });
}

void Server::take(tcp::socket socket) {
  if (*connections_ >= 2 * kMostConnections) return;
  close_on_exec(socket.native_handle());
  const bool is_one_too_many = *connections_ >= kMostConnections;
  const auto exchange = std::make_shared<Exchange>(std::move(socket), connections_);
  if (!is_one_too_many) return Exchange::read(exchange, handler_);
  Exchange::read(exchange, [](const std::shared_ptr<Exchange>& self) {
    Exchange::answer(self, http::text(http::status::service_unavailable, "There are too many connections."));
  });
}

}  // namespace command
