// What a worker notes down of itself in memory that it shares with the test alone, so that it outlives any death.
//
// Thread safety: the worker writes, the test reads once the worker is dead; what is read earlier is atomic.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

namespace chaos {

inline constexpr std::size_t kLanes = 8;

/// relaxed everywhere: whoever compares two of these words does so after the writer's death, which orders them.
struct Ledger {
  std::atomic<std::uint64_t> begun[kLanes];     // sends that were called, by lane
  std::atomic<std::uint64_t> returned[kLanes];  // sends that came back
  std::atomic<std::uint64_t> steps;             // of the process that is armed (steps.hpp)
  std::atomic<int> pid;                         // of the process that stops at its step, for the test to kill it
  std::atomic<bool> exception_sent;             // the step behind the final error was passed
  char step[64];                                // the name of the step that was reached
  char complaint[256];                          // what the worker found wrong in what it received

  void complain(const std::string& what) noexcept { std::snprintf(complaint, sizeof complaint, "%s", what.c_str()); }
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// One T, zeroed, shared with all processes forked from here on.
template <class T>
class Shared {
 public:
  Shared() {
    void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      std::perror("mmap");
      std::abort();
    }
    value_ = new (memory) T{};
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(value_, sizeof(T)); }

  T& operator*() const noexcept { return *value_; }
  T* operator->() const noexcept { return value_; }

 private:
  T* value_;
};

/// One send, noted before and after. `send` gets the sequence number of its lane.
template <class Send>
void noted(Ledger& ledger, std::uint32_t lane, Send send) {
  const std::uint64_t sequence = ledger.begun[lane].fetch_add(1, std::memory_order_relaxed);
  send(sequence);
  ledger.returned[lane].fetch_add(1, std::memory_order_relaxed);
}

}  // namespace chaos
