#include "core/fork.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace grant::detail {
namespace {

/// Gates are never destroyed.
LibraryGate& new_gate() { return *new LibraryGate; }

bool is_shut_in_child(const LibraryGate& gate) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(gate.is_shut() ? 1 : 0);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status) == 1;
}

/// A thread that is busy until this goes.
class Busy {
 public:
  template <class Call>
  explicit Busy(const Call& call) {
    thread_ = std::thread([this, call] { call(*this); });
    begun_.wait(false);
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    ended_ = true;
    ended_.notify_all();
    thread_.join();
  }

  void stay() {
    begun_ = true;
    begun_.notify_all();
    ended_.wait(false);
  }

 private:
  std::atomic<bool> begun_ = false;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

TEST(LibraryGate, IsShutInAChildForkedWhileAnotherThreadWasInside) {
  auto& gate = new_gate();
  EXPECT_FALSE(is_shut_in_child(gate));
  {
    const Busy busy([&](Busy& self) {
      const LibraryGate::Inside inside(gate);
      self.stay();
    });
    EXPECT_TRUE(is_shut_in_child(gate));
    EXPECT_FALSE(gate.is_shut());
  }
  EXPECT_FALSE(is_shut_in_child(gate));
}

TEST(LibraryGate, CallThatWaitsOutsideShutsNobodyOut) {
  auto& gate = new_gate();
  const Busy busy([&](Busy& self) {
    const LibraryGate::Inside inside(gate);
    const LibraryGate::Inside nested(gate);
    const LibraryGate::Outside outside(gate);
    self.stay();
  });
  EXPECT_FALSE(is_shut_in_child(gate));
}

TEST(LibraryGate, OutsideOfNoCallCountsForNothing) {
  auto& gate = new_gate();
  auto& other = new_gate();
  const Busy waits([&](Busy& self) {
    const LibraryGate::Inside inside(other);
    const LibraryGate::Outside outside(gate);
    self.stay();
  });
  const Busy calls([&](Busy& self) {
    const LibraryGate::Inside inside(gate);
    self.stay();
  });
  EXPECT_TRUE(is_shut_in_child(gate));
}

// As OpenSSL's.
TEST(LibraryGate, ThreadIsInsideWhileTheLibraryTakesDownWhatItLeftThere) {
  auto& gate = new_gate();
  auto& unused = new_gate();
  for (const bool library_came_first : {true, false}) {
    pthread_key_t key = 0;
    const auto create_key = [&] {
      ASSERT_EQ(::pthread_key_create(&key, [](void* busy) { static_cast<Busy*>(busy)->stay(); }),
                0);
    };
    if (library_came_first) create_key();
    std::thread([&] { const LibraryGate::Inside inside(gate); }).join();
    if (!library_came_first) create_key();
    {
      const Busy busy([&](Busy& self) {
        { const LibraryGate::Inside inside(gate); }
        ::pthread_setspecific(key, &self);
      });
      EXPECT_TRUE(is_shut_in_child(gate));
      EXPECT_FALSE(is_shut_in_child(unused));
    }
    EXPECT_FALSE(is_shut_in_child(gate));
    ::pthread_key_delete(key);
  }
}

}  // namespace
}  // namespace grant::detail
