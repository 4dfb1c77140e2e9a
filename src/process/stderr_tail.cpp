#include "process/stderr_tail.hpp"

#include <array>

namespace coproc::inline v0::process {

StderrTail::StderrTail(const os::ForkLock&) : pipe_(os::Pipe::create()) {
  os::set_blocking(pipe_.write_end);
  text_.reserve(2 * kBytes);
}

void StderrTail::drain() noexcept {
  constexpr int kMostRounds = 256;  // a writer that never stops cannot keep us here
  std::array<char, kBytes> bytes;
  for (int round = 0; round < kMostRounds; ++round) {
    const auto got = os::read_some(pipe_.read_end, bytes);
    if (!got) pipe_.read_end.reset();  // nobody can write any more
    if (!got || *got == 0) return;
    text_.append(bytes.data(), *got);
    if (text_.size() > kBytes) text_.erase(0, text_.size() - kBytes);
  }
}

void StderrTail::leave_in_child() noexcept {
  pipe_.read_end.reset();
  pipe_.write_end.reset();
}

}  // namespace coproc::inline v0::process
