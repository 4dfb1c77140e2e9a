#include "os/random.hpp"

#include <stdlib.h>
#include <sys/random.h>

#include "os/clock.hpp"
#include "os/error.hpp"
#include "os/fault.hpp"

namespace coproc::inline v0::os {

std::uint64_t random_number() noexcept {
  const int saved = errno;
  std::uint64_t number = 0;
  const ssize_t got = call_retried([&] { return ::getrandom(&number, sizeof number, GRND_NONBLOCK); });
  errno = saved;
  if (got == static_cast<ssize_t>(sizeof number)) return number;
  return static_cast<std::uint64_t>(now_ns()) * 0x9e3779b97f4a7c15;
}

void seed_c_library(std::uint64_t seed) noexcept {
  ::srandom(static_cast<unsigned>(seed));  // that of rand(), too
  ::srand48(static_cast<long>(seed >> 32));
}

}  // namespace coproc::inline v0::os
