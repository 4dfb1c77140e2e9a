// What a worker prints to its stdout or stderr, on its way into the wire.
//
// Thread safety: one thread at a time.
// Invariants: when is_done(), everything that the worker had printed before finish() has been sent. Its own children
// may go on printing: of that, no more is sent than fits into the pipe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/pipe.hpp"
#include "wire/outbox.hpp"
#include "wire/window.hpp"

namespace coproc::inline v0::agent {

class OutputReader {
 public:
  /// `number` is 1 or 2. Throws std::system_error.
  OutputReader(std::uint64_t number, wire::Outbox& outbox, wire::SendWindow& window)
      : number_(number), outbox_(outbox), window_(window), pipe_(os::Pipe::create_for_output(kPipeBytes)) {}

  int write_fd() const noexcept { return pipe_.write_end.get(); }
  /// The worker has its own: closes the end that writes.
  void keep_read_end() noexcept { pipe_.write_end.reset(); }
  /// Sends what is there, as far as the window and the wire allow.
  void send();
  /// The worker has ended.
  void finish() noexcept { is_finishing_ = true; }
  bool is_done() const noexcept { return is_at_end_ || left_ == 0; }
  /// Whether there may be more, and it would be sent now.
  bool wants_to_send() const noexcept { return !is_done() && may_send(); }
  /// For POLLIN; -1: nothing would be sent now.
  int fd_if_wanted() const noexcept;

 private:
  static constexpr int kPipeBytes = 1 << 20;
  static constexpr std::size_t kPiece = 16384;
  static constexpr std::size_t kMostBacklog = std::size_t{128} << 10;

  bool may_send() const noexcept { return window_.left() >= kPiece && outbox_.bulk_bytes() < kMostBacklog; }

  std::uint64_t number_;
  wire::Outbox& outbox_;
  wire::SendWindow& window_;
  os::Pipe pipe_;
  bool is_at_end_ = false;
  bool is_finishing_ = false;
  std::size_t left_ = 2 * kPipeBytes;  // how much is sent after the worker's end
};

}  // namespace coproc::inline v0::agent
