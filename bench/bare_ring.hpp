// The least that a shared-memory ring can do: the mark that the messenger is measured against.
//
// One producer, one consumer, 64-byte slots in memory shared with a forked peer. No framing, no types, no sleeping, no
// checks of the peer, no limits: what a messenger adds is what it costs above this.
#pragma once

#include <sched.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <new>
#include <system_error>

#include "payload.hpp"

namespace bench {

class BareRing {
 public:
  static constexpr std::uint64_t kSlots = 1024;  // 64 KiB, as the messenger's ring

  void push(const Payload& payload) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);  // only this side writes it
    if (tail - known_head_ == kSlots) {
      spin_while([&] { return tail - (known_head_ = head_.load(std::memory_order_acquire)) == kSlots; });
    }
    slots_[tail % kSlots] = payload;
    tail_.store(tail + 1, std::memory_order_release);  // pairs with the acquire in pop
  }

  Payload pop() noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);  // only this side writes it
    if (head == known_tail_) {
      spin_while([&] { return head == (known_tail_ = tail_.load(std::memory_order_acquire)); });
    }
    const Payload payload = slots_[head % kSlots];
    head_.store(head + 1, std::memory_order_release);  // pairs with the acquire in push
    return payload;
  }

 private:
  // The yield lets the peer run where both share a processor. One that finds nobody costs 0.8 us, hence not each time.
  template <class Condition>
  static void spin_while(Condition condition) noexcept {
    for (int spins = 1; condition(); ++spins) {
      if (spins % 1000 == 0) sched_yield();
    }
  }

  alignas(128) std::atomic<std::uint64_t> tail_{0};
  std::uint64_t known_head_ = 0;
  alignas(128) std::atomic<std::uint64_t> head_{0};
  std::uint64_t known_tail_ = 0;
  alignas(128) Payload slots_[kSlots] = {};
};

/// A T in memory that is shared with every process forked later.
template <class T>
class Shared {
 public:
  Shared() {
    void* const memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    value_ = new (memory) T();
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { munmap(value_, sizeof(T)); }
  T& operator*() const noexcept { return *value_; }
  T* operator->() const noexcept { return value_; }

 private:
  T* value_;
};

}  // namespace bench
