#include "agent/pipe_stream.hpp"

#include <span>
#include <utility>

#include "os/stream.hpp"

namespace coproc::inline v0::agent {

PipeStream::PipeStream(os::Fd in, os::Fd out) : in_(std::move(in)), out_(std::move(out)) {
  os::set_non_blocking(in_.get());
  os::set_non_blocking(out_.get());
}

bool PipeStream::fill() noexcept {
  const os::Moved got = os::read_some(in_.get(), intake_.space());
  intake_.add(got.bytes);
  return !got.is_over;
}

bool PipeStream::flush() {
  bool is_over = !out_;
  if (is_over) return false;
  outbox_.flush([&](std::span<const std::byte> part) {
    const os::Moved written = os::write_some(out_.get(), part);
    is_over = written.is_over;
    return written.bytes;
  });
  return !is_over;
}

}  // namespace coproc::inline v0::agent
