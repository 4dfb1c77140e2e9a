#include "agent/output_writer.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>

#include "os/clock.hpp"
#include "os/poll.hpp"
#include "os/stream.hpp"

namespace coproc::inline v0::agent {

namespace {

constexpr std::size_t kAtOnce = 4096;  // PIPE_BUF: what a pipe takes that is ready

}  // namespace

OutputWriter::OutputWriter(int fd) noexcept
    : own_(os::open_anew_to_write(fd)), fd_(own_ ? own_.get() : fd), is_socket_(os::is_socket(fd)) {}

void OutputWriter::put(std::span<const std::byte> bytes) {
  if (!bytes.empty()) waiting_.emplace_back(bytes.begin(), bytes.end());
}

bool OutputWriter::is_ready() const {
  pollfd entry = {fd_, POLLOUT, 0};
  return os::poll_once({&entry, 1}, os::Deadline(std::chrono::seconds(0))) == os::PollEnd::ready;
}

std::size_t OutputWriter::flush() {
  std::size_t gone = 0;
  while (!waiting_.empty() && (is_over_ || is_ready())) {
    const std::vector<std::byte>& first = waiting_.front();
    std::size_t bytes = first.size() - at_;
    if (!is_over_) {
      const auto part = std::span(first).subspan(at_, std::min(bytes, kAtOnce));
      const os::Moved written = is_socket_ ? os::send_some(fd_, part) : os::write_some(fd_, part);
      is_over_ = written.is_over;
      if (written.bytes == 0 && !is_over_) break;
      bytes = written.bytes;
    }
    gone += bytes;
    at_ += bytes;
    if (at_ < first.size()) continue;
    waiting_.pop_front();
    at_ = 0;
  }
  return gone;
}

void OutputWriter::drop() noexcept {
  waiting_.clear();
  at_ = 0;
}

}  // namespace coproc::inline v0::agent
