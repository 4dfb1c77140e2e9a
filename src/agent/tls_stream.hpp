// The wire by TLS through a connected socket.
//
// Thread safety: one thread at a time.
// Invariants: not much more than kMostAhead bytes are encrypted before the socket has room for them, since what is
// encrypted cannot be overtaken any more.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "agent/tls.hpp"
#include "agent/wire_stream.hpp"
#include "os/fd.hpp"

namespace coproc::inline v0::agent {

class TlsStream final : public WireStream {
 public:
  /// The socket must not wait.
  TlsStream(os::Fd socket, std::unique_ptr<Tls> tls) : socket_(std::move(socket)), tls_(std::move(tls)) {}

  /// Goes on with the handshake, as far as it can without waiting. True: it is complete, and this can be used as a
  /// wire. Throws TlsError, also if the other side has gone.
  bool shake();
  /// Whether the other side has sent anything so far.
  bool has_heard() const noexcept { return has_heard_; }

  bool fill() noexcept override;
  bool flush() override;
  void close_out() noexcept override;
  int in() const noexcept override { return socket_.get(); }
  int out_if_waiting() const noexcept override;
  bool holds_input() const noexcept override { return holds_input_; }

 private:
  static constexpr std::size_t kMostAhead = std::size_t{64} << 10;

  enum class Read { some, nothing_now, over };
  Read read_socket();
  bool send_output() noexcept;

  os::Fd socket_;
  std::unique_ptr<Tls> tls_;
  std::vector<std::byte> encrypted_ = std::vector<std::byte>(std::size_t{32} << 10);  // as it comes
  bool has_heard_ = false;
  bool holds_input_ = true;  // what came behind the handshake
  bool is_out_closed_ = false;
};

}  // namespace coproc::inline v0::agent
