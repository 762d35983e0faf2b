#include "grant/io/resolver.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "grant/io/poll_loop.hpp"

namespace grant::io {
namespace {

using namespace std::chrono_literals;

Call within(Waiter& waiter, Duration span) { return Call(waiter, Clock::system().now() + span); }

Task<void> keep(Call call, Resolver resolver, std::string host, std::vector<Resolved>& all) {
  auto found = co_await resolver.resolve(call, std::move(host));
  all.push_back(std::move(found));
}

/// Gives its address once it is opened, to hosts whose name says so.
struct SlowNames {
  std::shared_future<void> opened;
  std::shared_ptr<std::atomic<int>> asked = std::make_shared<std::atomic<int>>(0);

  std::vector<std::string> operator()(const std::string& host) const {
    if (!host.starts_with("slow")) return {"192.0.2.1"};
    ++*asked;
    opened.wait();
    return {"192.0.2.2"};
  }
};

TEST(ResolverTest, AddressesPassThrough) {
  const Resolver resolver([](const std::string&) -> std::vector<std::string> {
    throw std::runtime_error("nobody shall ask");
  });
  for (const auto* address : {"192.0.2.1", "::1", "fe80::1%eth0"}) {
    const auto found = run(resolver.resolve(within(blocking_waiter(), 10s), address));
    EXPECT_EQ(found.addresses, std::vector<std::string>{address});
  }
}

TEST(ResolverTest, SaysWhyThereIsNoAddress) {
  const Resolver fails([](const std::string&) -> std::vector<std::string> {
    throw std::runtime_error("no such host");
  });
  EXPECT_EQ(run(fails.resolve(within(blocking_waiter(), 10s), "a")).failure, "no such host");
  const Resolver empty([](const std::string&) { return std::vector<std::string>{}; });
  EXPECT_EQ(run(empty.resolve(within(blocking_waiter(), 10s), "a")).failure, "it has no address");
}

TEST(ResolverTest, AsksOnceForAllWhoWantTheSameHost) {
  std::promise<void> opened;
  const SlowNames names{opened.get_future().share()};
  const Resolver resolver(names);
  PollLoop loop;
  std::vector<Resolved> all;
  for (int i = 0; i < 300; ++i) loop.spawn(keep(within(loop, 60s), resolver, "slow", all));
  opened.set_value();
  loop.run();
  ASSERT_EQ(all.size(), 300U);
  for (const auto& found : all) {
    EXPECT_EQ(found.outcome, Outcome::ready);
    EXPECT_EQ(found.addresses, std::vector<std::string>{"192.0.2.2"});
  }
  EXPECT_EQ(names.asked->load(), 1);
}

TEST(ResolverTest, HostsThatHangKeepNobodyElse) {
  std::promise<void> opened;
  const SlowNames names{opened.get_future().share()};
  const Resolver resolver(names);
  PollLoop loop;
  std::vector<Resolved> hanging;
  for (int round = 0; round < 20; ++round) {
    for (int host = 0; host < 20; ++host) {
      loop.spawn(keep(within(loop, 50ms), resolver, "slow" + std::to_string(host), hanging));
    }
  }
  std::vector<Resolved> quick;
  loop.spawn(keep(within(loop, 60s), resolver, "quick", quick));
  loop.run();
  ASSERT_EQ(quick.size(), 1U);
  EXPECT_EQ(quick[0].outcome, Outcome::ready);
  ASSERT_EQ(hanging.size(), 400U);
  for (const auto& each : hanging) EXPECT_EQ(each.outcome, Outcome::timed_out);
  EXPECT_LE(names.asked->load(), 20);
  opened.set_value();
}

TEST(ResolverTest, AsksAgainOnceThereWasAnAnswer) {
  const auto asked = std::make_shared<std::atomic<int>>(0);
  const Resolver resolver([asked](const std::string&) {
    return std::vector<std::string>{"192.0.2." + std::to_string(++*asked)};
  });
  for (const auto* address : {"192.0.2.1", "192.0.2.2"}) {
    const auto found = run(resolver.resolve(within(blocking_waiter(), 10s), "a"));
    EXPECT_EQ(found.addresses, std::vector<std::string>{address});
  }
}

}  // namespace
}  // namespace grant::io
