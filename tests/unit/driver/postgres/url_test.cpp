#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <atomic>
#include <mutex>

#include "grant/driver/postgres/driver.hpp"

namespace grant::test {
namespace {

std::mutex libpq_mutex;
std::atomic<int> times_taken = 0;

void count_and_lock(int locks) {
  if (locks == 0) return libpq_mutex.unlock();
  libpq_mutex.lock();
  ++times_taken;
}

// No gate keeps a fork out while a URL is read: the child would find the lock taken for ever.
TEST(PostgresUrl, IsReadWithoutALockOfLibpq) {
  const auto usual = PQregisterThreadLock(count_and_lock);
  postgres::driver().validate(Url::parse("postgres://h/d?application_name=x&sslmode=require"));
  EXPECT_EQ(times_taken, 0);
  PQconninfoFree(PQconndefaults());
  EXPECT_GT(times_taken, 0) << "nothing is counted";
  PQregisterThreadLock(usual);
}

}  // namespace
}  // namespace grant::test
