// Makes the linker refuse a program that is compiled in another mode of the standard library than the library. Types
// have another layout in each mode, so that the program would misbehave when it runs. The text of the linker's error is
// a name from this file.
#pragma once

#include <version>

#if defined(_LIBCPP_VERSION)
#define COPROC_STANDARD_LIBRARY coproc_must_be_built_with_libcxx_as_this_file_is
#elif defined(_GLIBCXX_DEBUG)
#define COPROC_STANDARD_LIBRARY coproc_must_be_built_with_D_GLIBCXX_DEBUG_as_this_file_is
#elif !_GLIBCXX_USE_CXX11_ABI
#define COPROC_STANDARD_LIBRARY coproc_must_be_built_with_D_GLIBCXX_USE_CXX11_ABI_0_as_this_file_is
#else
#define COPROC_STANDARD_LIBRARY coproc_must_be_built_without_D_GLIBCXX_DEBUG_as_this_file_is
#endif

namespace coproc::inline v0::detail {

extern __attribute__((visibility("default"))) const char COPROC_STANDARD_LIBRARY;
/// This object is in each translation unit, so that all of them are checked.
[[maybe_unused, gnu::used, gnu::retain]] static const char* const built_alike = &COPROC_STANDARD_LIBRARY;

}  // namespace coproc::inline v0::detail
