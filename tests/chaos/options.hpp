// What the environment says about chaos: how long, with which seed, and whether to replay one step only.
//
//   COPROC_CHAOS_SEED   the seed to use, instead of a new one that is printed
//   COPROC_CHAOS_STEP   only this step, counted from 1 (for the tests of steps)
//   COPROC_CHAOS_KILLS  how many random kills to make; the tests of steps are repeated until each has made a tenth
//
// Thread safety: none; used by the test's main thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace chaos {

inline std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

/// The seed of this test program's run.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const std::uint64_t chosen = environment("COPROC_CHAOS_SEED", std::random_device{}());
    std::printf("chaos: COPROC_CHAOS_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    std::fflush(stdout);
    return chosen;
  }();
  return value;
}

}  // namespace chaos
