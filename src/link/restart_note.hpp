// What the host of a supervised worker leaves in the link's memory for whoever looks from outside: which restart the
// worker was started by, and why. Neither end reads it.
//
//   offset  bytes  what
//        0      8  the number of the restart, written last; 0: the worker was not started in the place of another one
//        8      8  when, in nanoseconds since 1970
//       16      4  the pid of the worker before
//       20      4  RestartReason
//       24      4  how many bytes the text has
//       28      4  zero
//       32    480  the text, in one line
//
// Thread safety: one writer at a time, at end 0.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace coproc::inline v0::link {

struct RestartNote {
  std::atomic<std::uint64_t> number;
  std::int64_t time_ns;
  std::int32_t pid_before;
  std::uint32_t reason;
  std::uint32_t text_bytes;
  std::uint32_t reserved;
  std::array<char, 480> text;

  void write(std::uint64_t the_number, std::int64_t time, std::int32_t pid, std::uint32_t why,
             std::string_view line) noexcept {
    time_ns = time;
    pid_before = pid;
    reason = why;
    const std::size_t bytes = std::min(line.size(), text.size());  // the worker may change what stands in the memory
    text_bytes = static_cast<std::uint32_t>(bytes);
    std::memcpy(text.data(), line.data(), bytes);
    number.store(the_number, std::memory_order_release);  // who looks from outside copies all of it in one call
  }
};
static_assert(sizeof(RestartNote) == 512 && offsetof(RestartNote, text) == 32 &&
              std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace coproc::inline v0::link
