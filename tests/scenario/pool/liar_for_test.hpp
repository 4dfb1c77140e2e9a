// What a task can do to the link of the pool's worker that it runs in: for tests of pools whose workers lie.
//
// Thread safety: none; for the task.
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <coproc/coproc.hpp>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "link/frame.hpp"
#include "link/link_memory.hpp"

namespace pool_test {

class Liar {
 public:
  using Bytes = std::vector<std::byte>;
  using FrameHeader = coproc::link::FrameHeader;
  using FrameKind = coproc::link::FrameKind;

  Liar() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("coproc-link") == std::string::npos || line.find(" 00000000 ") == std::string::npos) continue;
      link_ = reinterpret_cast<std::byte*>(std::stoull(line, nullptr, 16));
    }
    for (int fd = 3; fd < 1024; ++fd) {
      struct stat status {};
      if (::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode)) wake_ = fd;
    }
  }

  coproc::link::LinkHeader& header() { return *reinterpret_cast<coproc::link::LinkHeader*>(link_); }
  void wake_host() {
    const char byte = 1;
    (void)!::send(wake_, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  /// What the host is woken by: a link that is hung up.
  void hang_up() { ::close(wake_); }

  /// Behind what this worker has sent.
  void send(FrameHeader frame, const Bytes& payload) {
    auto& ring = header().ring[1];
    const std::uint64_t capacity = header().ring_bytes;
    std::byte* const memory = link_ + coproc::link::kHeaderPage + capacity;
    frame.length = static_cast<std::uint32_t>(sizeof frame + payload.size());
    const std::uint64_t tail = ring.tail.load();
    std::memcpy(memory + tail % capacity, &frame, sizeof frame);
    std::copy(payload.begin(), payload.end(), memory + tail % capacity + sizeof frame);
    ring.tail.store(tail + (frame.length + 7) / 8 * 8);
    wake_host();
  }
  /// As a pool's worker sends it: of the type that it has declared first.
  void send_message(const Bytes& payload, std::uint32_t channel = 0, FrameKind kind = FrameKind::message,
                    std::uint64_t id = 0) {
    FrameHeader frame;
    frame.kind = kind;
    frame.channel = channel;
    frame.type = 1;
    frame.request_id = id;
    frame.priority = coproc::Priority().value();
    send(frame, payload);
  }
  void send_kind(FrameKind kind, const Bytes& payload) {
    FrameHeader frame;
    frame.kind = kind;
    frame.priority = coproc::Priority().value();
    send(frame, payload);
  }

  template <class... T>
  static Bytes encoded(const T&... values) {
    coproc::detail::Buffer buffer;
    coproc::Encoder encoder(buffer, 1 << 20);
    (coproc::encode(encoder, values), ...);
    const auto written = encoder.written();
    return {written.begin(), written.end()};
  }

 private:
  std::byte* link_ = nullptr;
  int wake_ = -1;
};

}  // namespace pool_test
