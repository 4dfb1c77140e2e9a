// Whether this build has a sanitizer, with crash handlers and an allocator of its own. The compilers say so in
// different ways.
//
// Thread safety: constants.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define COPROC_HAS_ADDRESS_SANITIZER 1
#elif defined(__SANITIZE_THREAD__)
#define COPROC_HAS_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COPROC_HAS_ADDRESS_SANITIZER 1
#elif __has_feature(thread_sanitizer)
#define COPROC_HAS_THREAD_SANITIZER 1
#endif
#endif

namespace coproc::inline v0::os {

#ifdef COPROC_HAS_ADDRESS_SANITIZER
inline constexpr bool kHasAddressSanitizer = true;
#else
inline constexpr bool kHasAddressSanitizer = false;
#endif

/// The thread sanitizer records in the process's memory what each thread calls.
#ifdef COPROC_HAS_THREAD_SANITIZER
inline constexpr bool kHasThreadSanitizer = true;
#else
inline constexpr bool kHasThreadSanitizer = false;
#endif

inline constexpr bool kHasSanitizer = kHasAddressSanitizer || kHasThreadSanitizer;

}  // namespace coproc::inline v0::os
