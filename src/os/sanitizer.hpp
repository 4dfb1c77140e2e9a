// Whether this is a build with a sanitizer that has handlers of its own for crashes.
//
// Thread safety: a constant.
#pragma once

namespace coproc::inline v0::os {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kHasSanitizer = true;
#elif defined(__has_feature)
inline constexpr bool kHasSanitizer =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer);
#else
inline constexpr bool kHasSanitizer = false;
#endif

}  // namespace coproc::inline v0::os
