#include "agent/tls_stream.hpp"

#include <algorithm>
#include <exception>
#include <span>

#include "os/stream.hpp"
#include "os/tcp.hpp"

namespace coproc::inline v0::agent {

bool TlsStream::shake() {
  for (;;) {
    bool is_complete = false;
    try {
      is_complete = tls_->shake();
    } catch (const TlsError&) {
      (void)send_output();  // the other side is told why
      throw;
    }
    if (!send_output()) throw TlsError("hung up");
    if (is_complete) return true;
    switch (read_socket()) {
      case Read::some:
        break;
      case Read::nothing_now:
        return false;
      case Read::over:
        throw TlsError(has_heard_ ? "hung up before it had shown that it knows the key" : "hung up at once");
    }
  }
}

TlsStream::Read TlsStream::read_socket() {
  const os::Moved got = os::read_some(socket_.get(), encrypted_);
  if (got.bytes == 0) return got.is_over ? Read::over : Read::nothing_now;
  has_heard_ = true;
  tls_->put(std::span(encrypted_).first(got.bytes));
  return Read::some;
}

bool TlsStream::fill() noexcept {
  auto room = intake_.space();
  try {
    while (!room.empty()) {
      if (const std::size_t bytes = tls_->read(room); bytes != 0) {
        intake_.add(bytes);
        room = room.subspan(bytes);
        continue;
      }
      holds_input_ = false;
      const Read read = read_socket();
      if (read != Read::some) return read != Read::over;
    }
  } catch (const std::exception&) {
    holds_input_ = false;
    return false;
  }
  holds_input_ = true;
  return true;
}

/// False: nothing more can go.
bool TlsStream::send_output() noexcept {
  while (!tls_->output().empty()) {
    const os::Moved sent = os::send_some(socket_.get(), tls_->output());
    tls_->sent(sent.bytes);
    if (sent.is_over) return false;
    if (sent.bytes == 0) break;
  }
  return true;
}

bool TlsStream::flush() {
  if (is_out_closed_) return false;
  try {
    for (;;) {
      if (!send_output()) return false;
      if (!tls_->output().empty() || outbox_.is_empty()) return true;
      outbox_.flush([&](std::span<const std::byte> part) {
        const std::size_t ahead = tls_->output().size();
        const auto piece = part.first(std::min(part.size(), ahead < kMostAhead ? kMostAhead - ahead : 0));
        tls_->write(piece);
        return piece.size();
      });
    }
  } catch (const TlsError&) {
    return false;
  }
}

void TlsStream::close_out() noexcept {
  if (is_out_closed_) return;
  is_out_closed_ = true;
  tls_->close();
  (void)send_output();
  os::end_sending(socket_);
}

int TlsStream::out_if_waiting() const noexcept {
  if (is_out_closed_) return -1;
  return outbox_.is_empty() && tls_->output().empty() ? -1 : socket_.get();
}

}  // namespace coproc::inline v0::agent
