// Payloads for the tests of loans.
#pragma once

#include <coproc/messenger.hpp>
#include <coproc/shared_buffer.hpp>

#include <cstddef>
#include <numeric>

namespace support {

constexpr std::size_t kMiB = 1 << 20;

struct Frame {
  int id = 0;
  coproc::SharedBuffer<float> pixels;
};

inline coproc::SharedBuffer<int> counted(coproc::Messenger& messenger, std::size_t count, int first = 0) {
  coproc::SharedBuffer<int> buffer = messenger.loan<int>(count);
  std::iota(buffer.begin(), buffer.end(), first);
  return buffer;
}
inline bool is_counted(const coproc::SharedBuffer<int>& buffer, std::size_t count, int first = 0) {
  if (buffer.size() != count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (buffer[i] != first + static_cast<int>(i)) return false;
  }
  return true;
}

}  // namespace support
