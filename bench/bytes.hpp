// Payloads that travel as bytes through descriptors: pipes and stream sockets.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "payload.hpp"
#include "peer.hpp"
#include "work.hpp"

namespace bench {

/// The descriptors of one side, which may be the same.
struct ByteSide {
  int in = -1, out = -1;

  void close() {
    if (in >= 0) ::close(in);
    if (out >= 0 && out != in) ::close(out);
    in = out = -1;
  }
};

/// A reader takes everything that is there, up to 64 KiB of small payloads. That is the best that a user of a pipe can
/// do with one write for each message.
template <std::size_t Size>
class ByteEnd {
 public:
  static constexpr bool kSleeps = true;

  ByteEnd() = default;
  ByteEnd(const ByteEnd&) = delete;
  ByteEnd& operator=(const ByteEnd&) = delete;
  virtual ~ByteEnd() { host.close(), peer.close(); }

  /// Each side keeps only its own end, so that it sees the death of the other.
  void become_host() { peer.close(); }
  void become_peer() {
    host.close();
    std::swap(host, peer);
  }

  void send(std::uint64_t number) {
    make(out_, number);
    const auto* at = reinterpret_cast<const char*>(&out_);
    for (std::size_t rest = Size; rest != 0;) {
      const ssize_t n = write(host.out, at, rest);
      if (n < 0 && errno != EINTR) throw_errno("write");
      if (n > 0) at += n, rest -= static_cast<std::size_t>(n);
    }
  }

  std::uint64_t receive() {
    if (next_ == end_ / Size) refill();
    return number_of(in_[next_++]);
  }

 protected:
  void open_pipes() {
    int there[2], back[2];
    if (pipe2(there, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0) throw_errno("pipe2");
    host = {back[0], there[1]};
    peer = {there[0], back[1]};
  }
  /// Called before each read.
  virtual void wait(int /*fd*/) {}

  ByteSide host, peer;  // after the fork `host` is this side's

 private:
  void refill() {
    end_ = next_ = 0;
    while (end_ == 0 || end_ % Size != 0) {
      wait(host.in);
      const ssize_t n = read(host.in, reinterpret_cast<char*>(in_.data()) + end_, in_.size() * Size - end_);
      if (n < 0 && errno != EINTR) throw_errno("read");
      check(n != 0, "the other side is gone");
      if (n > 0) end_ += static_cast<std::size_t>(n);
    }
  }

  Payload<Size> out_ = {};
  std::vector<Payload<Size>> in_{Size < 65536 ? 65536 / Size : 1};
  std::size_t next_ = 0, end_ = 0;  // in_ has payloads from next_, in payloads, to end_, in bytes
};

}  // namespace bench
