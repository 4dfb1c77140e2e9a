// A count that one thread changes and any thread may read, and which costs no more than a plain one.
//
// Thread safety: one thread changes it; any thread reads it. A reader sees each change at some time, and those of
// several counts in any order.
#pragma once

#include <atomic>
#include <cstddef>

#include "coproc/channel_counts.hpp"
#include "os/sanitizer.hpp"

namespace coproc::inline v0::detail {

class Count {
 public:
  Count() = default;
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;

  operator std::size_t() const noexcept {
    return std::atomic_ref<std::size_t>(value_).load(std::memory_order_relaxed);  // relaxed: see above
  }
  Count& operator=(std::size_t value) noexcept {
    std::atomic_ref<std::size_t>(value_).store(value, std::memory_order_relaxed);  // relaxed: see above
    return *this;
  }
  Count& operator+=(std::size_t n) noexcept {
#if defined(__x86_64__) && !defined(COPROC_HAS_THREAD_SANITIZER)
    // Only this thread writes the value, so that no lock prefix is needed. From the lines below, g++ makes three
    // instructions and not one. The thread sanitizer does not see what an instruction of ours does.
    asm("addq %1, %0" : "+m"(value_) : "er"(n) : "cc");
    return *this;
#else
    return *this = *this + n;
#endif
  }
  Count& operator-=(std::size_t n) noexcept { return *this = *this - n; }
  Count& operator++() noexcept { return *this += 1; }
  Count& operator--() noexcept { return *this -= 1; }

 private:
  mutable std::size_t value_ = 0;  // mutable: std::atomic_ref wants it, even to load
};

/// The counts of a channel, as ChannelCounts has them.
struct Counts {
  Count sent, received, requests, replies, replaced;

  operator ChannelCounts() const noexcept {
    ChannelCounts seen;
    seen.replies = replies;  // before the requests, of which there are never fewer
    seen.sent = sent;
    seen.received = received;
    seen.requests = requests;
    seen.replaced = replaced;
    return seen;
  }
  std::size_t remaining() const noexcept { return ChannelCounts(*this).remaining(); }
};

}  // namespace coproc::inline v0::detail
