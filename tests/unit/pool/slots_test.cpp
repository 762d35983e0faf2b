#include "pool/slots.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <utility>

#include "grant/io/task.hpp"
#include "grant/pool/pool_options.hpp"
#include "support/memory_driver.hpp"

namespace grant::detail {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{1h};

PoolOptions of_size(std::size_t max_size) {
  PoolOptions options;
  options.max_size = max_size;
  return options;
}

/// Slots without a pool, whose lock is taken where it is needed.
struct Fixture {
  explicit Fixture(const PoolOptions& options) : slots(nullptr, options) {}

  /// A slot with a connection that was just opened, leased to nobody.
  PoolSlot& add() {
    ConnectOptions target;
    target.url = Url::parse("mariadb://server/db");
    auto connection = run(driver.connect(io::Call(io::blocking_waiter()), target));
    const Lock lock(slots.mutex);
    return slots.add(std::move(connection), slots.generation(), kNow, kNever);
  }
  PoolSlot& add_idle() {
    auto& slot = add();
    set(slot, SlotStatus::idle);
    return slot;
  }
  void set(PoolSlot& slot, SlotStatus status) {
    const Lock lock(slots.mutex);
    slots.set_status(slot, status);
  }
  void watch(bool wanted) {
    const Lock lock(slots.mutex);
    slots.watch(wanted);
  }
  PoolSlot* claim_idle() {
    const Lock lock(slots.mutex);
    return slots.claim_idle();
  }
  PoolStats count(TimePoint now = kNow) {
    const Lock lock(slots.mutex);
    return slots.count(now);
  }
  std::size_t idle() {
    const Lock lock(slots.mutex);
    return slots.idle();
  }

  test::MemoryDriver driver;
  Slots slots;
};

TEST(Slots, ThreadTakesTheOneThatItHadLastAndOthersTheOldest) {
  Fixture f(of_size(3));
  auto& first = f.add_idle();
  auto& second = f.add_idle();
  EXPECT_EQ(f.slots.take(), &first);
  EXPECT_EQ(f.slots.take(), &second);
  EXPECT_EQ(f.slots.take(), nullptr);
  EXPECT_TRUE(first.put_back());
  EXPECT_TRUE(second.put_back());
  EXPECT_EQ(f.slots.take(), &second);
  std::thread([&] { EXPECT_EQ(f.slots.take(), &first); }).join();
}

TEST(Slots, WhileSomebodyWatchesNobodyTakesOrPutsBackWithoutTheLock) {
  Fixture f(of_size(3));
  auto& leased = f.add_idle();
  EXPECT_EQ(f.slots.take(), &leased);
  auto& idle = f.add_idle();
  f.watch(true);
  EXPECT_EQ(f.slots.take(), nullptr);
  EXPECT_FALSE(leased.put_back());
  EXPECT_EQ(f.claim_idle(), &idle);
  EXPECT_EQ(f.claim_idle(), nullptr);
  f.set(idle, SlotStatus::idle);
  EXPECT_EQ(f.slots.take(), nullptr) << "what changes meanwhile is watched as well";
  auto& later = f.add_idle();
  EXPECT_FALSE(later.take());
}

TEST(Slots, WatchingEndsForEachSlotWithItsNextChange) {
  Fixture f(of_size(1));
  auto& slot = f.add_idle();
  f.watch(true);
  f.watch(false);
  EXPECT_EQ(f.slots.take(), nullptr);
  EXPECT_EQ(f.claim_idle(), &slot);
  EXPECT_TRUE(slot.put_back());
  EXPECT_EQ(f.slots.take(), &slot);
}

TEST(Slots, IdleOnesAreCountedWhetherOrNotTheyAreWatched) {
  Fixture f(of_size(3));
  auto& a = f.add_idle();
  f.add_idle();
  EXPECT_EQ(f.idle(), 2U);
  EXPECT_TRUE(a.take());
  EXPECT_EQ(f.idle(), 1U);
  f.watch(true);
  EXPECT_EQ(f.idle(), 1U);
  f.set(a, SlotStatus::idle);
  EXPECT_EQ(f.idle(), 2U);
  EXPECT_NE(f.claim_idle(), nullptr);
  EXPECT_EQ(f.idle(), 1U);
  f.watch(false);
  f.watch(true);
  EXPECT_EQ(f.idle(), 1U) << "counted anew";
}

TEST(Slots, EachIsCountedByItsStatus) {
  Fixture f(of_size(3));
  auto& in_care = f.add();
  f.add_idle();
  EXPECT_TRUE(f.add_idle().take());
  f.set(in_care, SlotStatus::in_care);
  {
    const Lock lock(f.slots.mutex);
    EXPECT_EQ(f.slots.open(), 3U);
    EXPECT_EQ(f.slots.in_care(), 1U);
  }
  const auto stats = f.count();
  EXPECT_EQ(stats.idle, 2U) << "as statistics have it";
  EXPECT_EQ(stats.leased, 1U);
  EXPECT_EQ(stats.closed, 0U);
  {
    const Lock lock(f.slots.mutex);
    EXPECT_NE(f.slots.remove(in_care), nullptr);
    EXPECT_EQ(f.slots.open(), 2U);
    EXPECT_EQ(f.slots.in_care(), 0U);
  }
  EXPECT_EQ(f.count().closed, 1U);
}

TEST(Slots, EmptyOneIsUsedAgain) {
  Fixture f(of_size(2));
  auto& first = f.add();
  f.add();
  {
    const Lock lock(f.slots.mutex);
    static_cast<void>(f.slots.remove(first));
  }
  EXPECT_EQ(&f.add(), &first);
}

TEST(Slots, CountingLeavesThemAsTheyWere) {
  Fixture f(of_size(2));
  auto& watched = f.add_idle();
  watched.unproven = true;
  f.set(watched, SlotStatus::idle);
  auto& slot = f.add_idle();
  static_cast<void>(f.count());
  EXPECT_FALSE(watched.take());
  EXPECT_TRUE(slot.take());
  static_cast<void>(f.count());
  EXPECT_TRUE(slot.put_back());
}

TEST(Slots, UnprovenOneIsLeasedOnlyUnderTheLockAndLast) {
  Fixture f(of_size(2));
  auto& unproven = f.add();
  unproven.unproven = true;
  f.set(unproven, SlotStatus::idle);
  auto& proven = f.add_idle();
  EXPECT_FALSE(unproven.take());
  EXPECT_EQ(f.claim_idle(), &proven);
  EXPECT_EQ(f.claim_idle(), &unproven);
  EXPECT_EQ(f.claim_idle(), nullptr);
}

TEST(Slots, OutdatedOrSurplusOnesAreNotFitAndComeBackSeen) {
  Fixture f(of_size(2));
  auto& a = f.add_idle();
  auto& b = f.add_idle();
  EXPECT_TRUE(a.take());
  EXPECT_TRUE(b.take());
  {
    const Lock lock(f.slots.mutex);
    EXPECT_TRUE(f.slots.is_fit(a));
    f.slots.resize(1);
    EXPECT_FALSE(f.slots.is_fit(a));
  }
  EXPECT_FALSE(b.put_back());
  {
    const Lock lock(f.slots.mutex);
    static_cast<void>(f.slots.remove(b));
    EXPECT_TRUE(f.slots.is_fit(a)) << "it is the only one now";
    f.slots.set_status(a, SlotStatus::leased);
  }
  EXPECT_TRUE(a.put_back());
  EXPECT_TRUE(a.take());
  {
    const Lock lock(f.slots.mutex);
    f.slots.outdate();
    EXPECT_FALSE(f.slots.is_fit(a));
  }
  EXPECT_FALSE(a.put_back());
}

TEST(Slots, LeaseThatIsPassedOnIsANewOne) {
  Fixture f(of_size(1));
  auto& slot = f.add_idle();
  EXPECT_TRUE(slot.take());
  ++slot.uses;
  EXPECT_EQ(f.count(kNow).longest_held, 0s);
  EXPECT_EQ(f.count(kNow + 5s).longest_held, 5s);
  {
    const Lock lock(f.slots.mutex);
    f.slots.pass_on(slot, kNow + 6s);
  }
  EXPECT_EQ(f.count(kNow + 7s).longest_held, 0s);
}

TEST(Slots, TellWhetherAThreadHoldsAllOfThem) {
  Fixture f(of_size(2));
  const auto* const me = Slots::this_thread();
  const auto held = [&] {
    const Lock lock(f.slots.mutex);
    return f.slots.one_of_all_held_by(me);
  };
  auto& a = f.add_idle();
  EXPECT_TRUE(a.take());
  a.holder = me;
  EXPECT_EQ(held(), nullptr) << "one more can be opened";
  auto& b = f.add_idle();
  EXPECT_EQ(held(), nullptr) << "one is idle";
  EXPECT_TRUE(b.take());
  EXPECT_EQ(held(), nullptr) << "somebody else has one";
  b.holder = me;
  EXPECT_EQ(held(), &a);
  f.set(b, SlotStatus::leased);
  EXPECT_EQ(held(), nullptr) << "it is another borrower's now";
}

}  // namespace
}  // namespace grant::detail
