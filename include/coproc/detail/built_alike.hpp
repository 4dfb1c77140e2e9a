// Programs and library must be compiled in the same mode of the standard library, whose types have another layout in each: a
// difference would show as nonsense when the program runs. So it is an error of the linker, whose text is a name from here.
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
/// In each file, so that none is left out.
[[maybe_unused, gnu::used, gnu::retain]] static const char* const built_alike = &COPROC_STANDARD_LIBRARY;

}  // namespace coproc::inline v0::detail
