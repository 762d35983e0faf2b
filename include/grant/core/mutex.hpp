#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

// libstdc++'s std::mutex carries no annotations, so clang's -Wthread-safety cannot see it. These
// wrappers only add them.
#if defined(__clang__)
#define GRANT_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define GRANT_THREAD_ANNOTATION(x)
#endif

#define GRANT_CAPABILITY(x) GRANT_THREAD_ANNOTATION(capability(x))
#define GRANT_SCOPED_CAPABILITY GRANT_THREAD_ANNOTATION(scoped_lockable)
#define GRANT_GUARDED_BY(x) GRANT_THREAD_ANNOTATION(guarded_by(x))
#define GRANT_REQUIRES(...) GRANT_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define GRANT_EXCLUDES(...) GRANT_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define GRANT_ACQUIRE(...) GRANT_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define GRANT_RELEASE(...) GRANT_THREAD_ANNOTATION(release_capability(__VA_ARGS__))

namespace grant {

class GRANT_CAPABILITY("mutex") Mutex {
 public:
  void lock() GRANT_ACQUIRE() { mutex_.lock(); }
  void unlock() GRANT_RELEASE() { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

/// Holds a Mutex for a scope.
class GRANT_SCOPED_CAPABILITY Lock {
 public:
  explicit Lock(Mutex& mutex) GRANT_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() GRANT_RELEASE() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

/// A condition variable for Mutex. Waits may wake without cause: loop on the condition.
class Condition {
 public:
  void notify_one() noexcept { condition_.notify_one(); }
  void notify_all() noexcept { condition_.notify_all(); }

  void wait(Mutex& mutex) GRANT_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  /// Waits until notified or `deadline`, whichever is first; the maximum means no deadline.
  void wait_until(Mutex& mutex, std::chrono::steady_clock::time_point deadline)
      GRANT_REQUIRES(mutex) {
    if (deadline == std::chrono::steady_clock::time_point::max()) return wait(mutex);
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait_until(lock, deadline);
    lock.release();
  }

 private:
  std::condition_variable condition_;
};

}  // namespace grant
