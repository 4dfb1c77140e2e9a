#include "process/stderr_tail.hpp"

#include <algorithm>
#include <array>

namespace coproc::inline v0::process {

namespace {

/// The size of the pipe, so that a child seldom has to wait: as much as an unprivileged process may ask for.
constexpr int kPipeBytes = 1 << 20;
/// More than the pipe holds, so that everything an ended child has printed is read. Its own children that go on
/// printing cannot keep drain() busy.
constexpr int kMostReads = 128;

}  // namespace

StderrTail::StderrTail(const os::ForkLock&) : pipe_(os::Pipe::create_for_output(kPipeBytes)) {
  text_.reserve(2 * kBytes);  // so that drain() allocates nothing
}

int StderrTail::fd() const noexcept {
  // relaxed: at worst the end is seen once more
  return is_at_end_.load(std::memory_order_relaxed) ? -1 : pipe_.read_end.get();
}

bool StderrTail::drain() noexcept {
  std::array<char, 16384> bytes;
  const os::MutexLock lock(mutex_);
  for (int i = 0; i < kMostReads && fd() >= 0; ++i) {
    const os::Got got = os::read_available(pipe_.read_end, bytes);
    if (got.is_at_end) is_at_end_.store(true, std::memory_order_relaxed);  // relaxed: see fd()
    if (got.bytes == 0) break;
    const std::size_t kept = std::min(got.bytes, kBytes);
    if (text_.size() + kept > kBytes) text_.erase(0, text_.size() + kept - kBytes);
    text_.append(bytes.data() + got.bytes - kept, kept);
  }
  return fd() >= 0;
}

std::string StderrTail::text() const {
  const os::MutexLock lock(mutex_);
  return text_;
}

void StderrTail::leave_in_child() noexcept {
  pipe_.read_end.reset();
  pipe_.write_end.reset();
}

}  // namespace coproc::inline v0::process
