// What the hosts of hostile workers share: what the environment asks for, and memory that forked workers see, too.
//
// Thread safety: none.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "hostile/attacker.hpp"

namespace hostile {

inline std::uint64_t number_in_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

/// Memory that forked workers share with their host.
class SharedControl {
 public:
  SharedControl()
      : memory_(::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        control_(new(memory_) Control) {}
  SharedControl(const SharedControl&) = delete;
  SharedControl& operator=(const SharedControl&) = delete;
  ~SharedControl() { ::munmap(memory_, sizeof(Control)); }
  Control& operator*() const { return *control_; }
  Control* operator->() const { return control_; }

 private:
  void* memory_;
  Control* control_;
};

}  // namespace hostile
