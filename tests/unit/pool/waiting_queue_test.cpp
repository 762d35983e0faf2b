#include "pool/waiting_queue.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

namespace grant::detail {
namespace {

using namespace std::chrono_literals;
using Answer = PoolWaiter::Answer;

constexpr TimePoint kNow{1h};

class Counted final : public io::Signal {
 public:
  void set() noexcept override { ++times; }
  int times = 0;
};

/// A caller, and how often it was told.
struct Caller {
  PoolWaiter waiter{};
  std::shared_ptr<Counted> signal = std::make_shared<Counted>();
};

/// Wakes those whom `change` wants to be woken.
template <class Change>
void woken_by(const Change& change) {
  Wakes wakes;
  change(wakes);
  wakes.set_all();
}

TEST(WaitingQueue, ServesInTheOrderOfJoining) {
  WaitingQueue queue;
  Caller first;
  Caller second;
  queue.join(first.waiter, first.signal, kNow);
  queue.join(second.waiter, second.signal, kNow + 1s);
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.head(), &first.waiter);
  EXPECT_EQ(queue.head()->since, kNow);
  PoolSlot slot(nullptr);
  woken_by([&](Wakes& wakes) { queue.serve_head(slot, wakes); });
  EXPECT_EQ(first.waiter.answer, Answer::slot);
  EXPECT_EQ(first.waiter.slot, &slot);
  EXPECT_FALSE(first.waiter.queued);
  EXPECT_EQ(first.signal->times, 1);
  EXPECT_EQ(second.signal->times, 0);
  EXPECT_EQ(queue.head(), &second.waiter);
}

TEST(WaitingQueue, WakesNobodyBeforeItIsTimeTo) {
  WaitingQueue queue;
  Caller caller;
  queue.join(caller.waiter, caller.signal, kNow);
  Wakes wakes;
  queue.tell_head(wakes);
  EXPECT_EQ(caller.signal->times, 0);
  wakes.set_all();
  EXPECT_EQ(caller.signal->times, 1);
}

TEST(WaitingQueue, TellsOnceForEachSignal) {
  WaitingQueue queue;
  Caller caller;
  queue.join(caller.waiter, caller.signal, kNow);
  const auto tell = [&](Wakes& wakes) { queue.tell_head(wakes); };
  woken_by(tell);
  woken_by(tell);
  EXPECT_EQ(caller.signal->times, 1);
  EXPECT_EQ(queue.head(), &caller.waiter) << "it looks by itself";
  const auto again = std::make_shared<Counted>();
  WaitingQueue::stay(caller.waiter, again);
  woken_by(tell);
  EXPECT_EQ(again->times, 1);
  EXPECT_EQ(caller.signal->times, 1);
  EXPECT_EQ(caller.waiter.since, kNow) << "it keeps its place";
}

TEST(WaitingQueue, WhoLeavesIsNotAnswered) {
  WaitingQueue queue;
  Caller first;
  Caller second;
  queue.join(first.waiter, first.signal, kNow);
  queue.join(second.waiter, second.signal, kNow);
  queue.leave(first.waiter);
  EXPECT_FALSE(first.waiter.queued);
  EXPECT_EQ(queue.head(), &second.waiter);
  queue.leave(second.waiter);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.head(), nullptr);
}

TEST(WaitingQueue, DismissesThoseAtTheEnd) {
  WaitingQueue queue;
  Caller spared;
  Caller second;
  Caller third;
  for (auto* each : {&spared, &second, &third}) queue.join(each->waiter, each->signal, kNow);
  const auto error = std::make_shared<const ErrorInfo>();
  woken_by([&](Wakes& wakes) { queue.dismiss(1, Answer::failed, error, wakes); });
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(spared.waiter.answer, Answer::none);
  EXPECT_EQ(spared.signal->times, 0);
  for (auto* each : {&second, &third}) {
    EXPECT_EQ(each->waiter.answer, Answer::failed);
    EXPECT_EQ(each->waiter.error, error);
    EXPECT_EQ(each->signal->times, 1);
  }
}

TEST(WaitingQueue, KnowsTheLatestDeadline) {
  WaitingQueue queue;
  Caller patient;
  Caller hurried;
  patient.waiter.deadline = kNow + 5s;
  hurried.waiter.deadline = kNow + 1s;
  queue.join(patient.waiter, patient.signal, kNow);
  queue.join(hurried.waiter, hurried.signal, kNow);
  EXPECT_EQ(queue.latest_deadline(), kNow + 5s);
}

}  // namespace
}  // namespace grant::detail
