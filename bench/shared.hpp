// Memory that is shared with a peer that is forked later.
#pragma once

#include <sched.h>
#include <sys/mman.h>

#include <new>

#include "peer.hpp"

namespace bench {

template <class T>
class Shared {
 public:
  Shared() {
    void* const memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) throw_errno("mmap");
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

/// Spins, and yields now and then so that the peer can run if both share a processor. A yield without effect costs 0.8
/// us, so it is not done each time.
template <class Condition>
void spin_while(Condition condition) noexcept {
  for (int spins = 1; condition(); ++spins) {
    if (spins % 1000 == 0) sched_yield();
  }
}

}  // namespace bench
