// annotations.hpp -- clang's thread-safety attributes; nothing on other compilers.
#pragma once

#if defined(__clang__)
#define MYNAH_TSA(x) __attribute__((x))
#else
#define MYNAH_TSA(x)
#endif

#define MYNAH_CAPABILITY(name) MYNAH_TSA(capability(name))
#define MYNAH_SCOPED_CAPABILITY MYNAH_TSA(scoped_lockable)
#define MYNAH_GUARDED_BY(lock) MYNAH_TSA(guarded_by(lock))
#define MYNAH_REQUIRES(...) MYNAH_TSA(requires_capability(__VA_ARGS__))
#define MYNAH_ACQUIRE(...) MYNAH_TSA(acquire_capability(__VA_ARGS__))
#define MYNAH_RELEASE(...) MYNAH_TSA(release_capability(__VA_ARGS__))
#define MYNAH_TRY_ACQUIRE(...) MYNAH_TSA(try_acquire_capability(__VA_ARGS__))
#define MYNAH_EXCLUDES(...) MYNAH_TSA(locks_excluded(__VA_ARGS__))
// For the few places where a lock is taken in one member and released in another (await_ready, await_suspend).
#define MYNAH_NO_THREAD_SAFETY_ANALYSIS MYNAH_TSA(no_thread_safety_analysis)
