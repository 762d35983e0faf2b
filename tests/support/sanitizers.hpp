#pragma once

// What the sanitizer that this is compiled with cannot do. Clang and GCC tell of it in different
// ways. Macros, for tests that would not even build or link.

#if defined(__SANITIZE_ADDRESS__)
#define GRANT_TEST_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GRANT_TEST_ADDRESS_SANITIZER
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define GRANT_TEST_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GRANT_TEST_THREAD_SANITIZER
#endif
#endif

namespace grant::test {

/// A forked child may start a thread: ThreadSanitizer ends it then.
#ifdef GRANT_TEST_THREAD_SANITIZER
inline constexpr bool kThreadsAfterFork = false;
#else
inline constexpr bool kThreadsAfterFork = true;
#endif

/// A forked child of a process with threads may allocate: the locks of AddressSanitizer's allocator
/// stay with threads that are gone. Memory can be measured and limited: the sanitizers keep what
/// was freed, and need more addresses than a limit leaves.
#if defined(GRANT_TEST_ADDRESS_SANITIZER) || defined(GRANT_TEST_THREAD_SANITIZER)
inline constexpr bool kWorkAfterFork = false;
inline constexpr bool kMemoryIsPlain = false;
#else
inline constexpr bool kWorkAfterFork = true;
inline constexpr bool kMemoryIsPlain = true;
#endif

}  // namespace grant::test
