// The checks of fuzz targets. One that fails ends the process, which the fuzzer and the replay report as a find.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "os/sanitizer.hpp"

#ifdef COPROC_HAS_ADDRESS_SANITIZER
// A declaration of sanitizer/allocator_interface.h, which is missing in Debian's g++.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace fuzz {

inline void demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what.c_str());
  std::abort();
}

/// The number of bytes that the process has allocated, or 0 in a build without the address sanitizer.
inline std::size_t allocated_bytes() {
#ifdef COPROC_HAS_ADDRESS_SANITIZER
  return __sanitizer_get_current_allocated_bytes();
#else
  return 0;
#endif
}

}  // namespace fuzz
