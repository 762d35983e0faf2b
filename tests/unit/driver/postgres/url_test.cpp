#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <atomic>
#include <mutex>

#include "grant/driver/postgres/driver.hpp"

namespace grant::test {
namespace {

/// Counts how often libpq takes its lock, in every thread of the program.
class LibpqLock {
 public:
  LibpqLock() : usual_(PQregisterThreadLock(&LibpqLock::change)) {}
  LibpqLock(const LibpqLock&) = delete;
  LibpqLock& operator=(const LibpqLock&) = delete;
  ~LibpqLock() { PQregisterThreadLock(usual_); }

  [[nodiscard]] static int taken() { return taken_; }

 private:
  static void change(int takes) {
    if (takes == 0) return mutex_.unlock();
    mutex_.lock();
    ++taken_;
  }

  static inline std::mutex mutex_;
  static inline std::atomic<int> taken_ = 0;
  const pgthreadlock_t usual_;
};

// No gate keeps a fork out while a URL is read: the child would find the lock taken for ever.
TEST(PostgresUrl, IsReadWithoutALockOfLibpq) {
  const LibpqLock lock;
  postgres::driver().validate(Url::parse("postgres://h/d?application_name=x&sslmode=require"));
  EXPECT_EQ(lock.taken(), 0);
  PQconninfoFree(PQconndefaults());
  EXPECT_GT(lock.taken(), 0) << "nothing is counted";
}

}  // namespace
}  // namespace grant::test
