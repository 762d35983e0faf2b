#include "pool/errands.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "grant/io/poll_loop.hpp"
#include "support/eventually.hpp"

namespace grant::detail {
namespace {

TEST(Errands, NoneBeginsOnceTheyAreClosed) {
  Errands errands;
  EXPECT_TRUE(Errands::Errand(errands).begun());
  errands.close();
  EXPECT_FALSE(Errands::Errand(errands).begun());
  errands.await_end();
}

TEST(Errands, EndWaitsForThoseUnderWay) {
  Errands errands;
  std::optional<Errands::Errand> errand(std::in_place, errands);
  errands.close();
  std::atomic<bool> ended = false;
  std::thread waits([&] {
    errands.await_end();
    ended = true;
  });
  EXPECT_FALSE(ended);
  errand.reset();
  waits.join();
}

TEST(Errands, ClosingCancelsTheLoopsOfThoseThatGoOn) {
  Errands errands;
  io::PollLoop loop;
  io::PollLoop another;
  Errands::Errand errand(errands);
  EXPECT_TRUE(errand.go_on(loop));
  {
    Errands::Errand ended(errands);
    EXPECT_TRUE(ended.go_on(another));
  }
  Errands::Errand later(errands);
  errands.close();
  EXPECT_TRUE(loop.is_cancelled());
  EXPECT_FALSE(another.is_cancelled());
  EXPECT_FALSE(later.go_on(another)) << "it shall not begin";
}

TEST(Errands, EndDoesNotWaitForWhatIsOnItsOwnStack) {
  Errands errands;
  const Errands::ErrandHere outer(errands);
  const Errands::ErrandHere inner(errands);
  Errands others;
  const Errands::ErrandHere elsewhere(others);
  EXPECT_EQ(Errands::ErrandHere::count(errands), 2U);
  errands.close();
  errands.await_end();
  std::thread([&] { EXPECT_EQ(Errands::ErrandHere::count(errands), 0U); }).join();
}

}  // namespace
}  // namespace grant::detail
