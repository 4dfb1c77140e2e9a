// Names for clang's thread safety attributes: which mutex guards which field, and which function wants it held.
//
// clang checks them (-Wthread-safety, an error in the `clang` preset). For other compilers they are empty. It checks
// neither constructors nor destructors, and a lambda only by the attributes of the lambda itself.
//
// Thread safety: no code.
#pragma once

#ifdef __clang__
#define COPROC_THREAD_ATTRIBUTE(attribute) __attribute__((attribute))
#else
#define COPROC_THREAD_ATTRIBUTE(attribute)
#endif

/// A class whose objects can be held, such as a mutex.
#define COPROC_CAPABILITY(kind) COPROC_THREAD_ATTRIBUTE(capability(kind))
/// A class whose objects hold a mutex while they live, or let go of it while they live.
#define COPROC_SCOPED_CAPABILITY COPROC_THREAD_ATTRIBUTE(scoped_lockable)
/// A field that may be used only while the mutex is held.
#define COPROC_GUARDED_BY(mutex) COPROC_THREAD_ATTRIBUTE(guarded_by(mutex))
/// A function that may be called only while the mutex is held. It may let go of the mutex meanwhile.
#define COPROC_REQUIRES(...) COPROC_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
/// A function that must not be called while the mutex is held, since it locks the mutex itself.
#define COPROC_EXCLUDES(...) COPROC_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define COPROC_ACQUIRE(...) COPROC_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define COPROC_RELEASE(...) COPROC_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define COPROC_TRY_ACQUIRE(...) COPROC_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
/// A function after whose call clang takes the mutex for held.
#define COPROC_ASSERT_CAPABILITY(mutex) COPROC_THREAD_ATTRIBUTE(assert_capability(mutex))
