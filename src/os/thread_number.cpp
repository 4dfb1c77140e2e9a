#include "os/thread_number.hpp"

#include <unistd.h>

#include "os/fork_guard.hpp"

namespace coproc::inline v0::os {

std::uint32_t thread_number() noexcept {
  thread_local unsigned long generation = ~0ul;  // of forks; the thread of a child has another number
  thread_local std::uint32_t number = 0;
  if (generation != fork_generation()) {
    number = static_cast<std::uint32_t>(::gettid());
    generation = fork_generation();
  }
  return number;
}

}  // namespace coproc::inline v0::os
