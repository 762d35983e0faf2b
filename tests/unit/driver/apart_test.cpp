#include "driver/apart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>

#include "grant/core/error.hpp"
#include "grant/io/poll_loop.hpp"
#include "support/error_of.hpp"

namespace grant::driver {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

io::Call within(io::Waiter& waiter, Duration span) {
  return io::Call(waiter, after(Clock::system().now(), span));
}

std::unique_ptr<Connection> connect(io::Call call, const std::shared_ptr<Turns>& turns,
                                    Connecting connecting) {
  return run(connect_apart(call, std::nullopt, "node", turns, std::move(connecting)));
}

/// A client library that does not come back before it is opened.
struct Library {
  std::shared_future<void> opened;
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);

  Connecting connecting(const std::shared_ptr<Turns>& turns) const {
    return [*this, turns](io::Call call) -> Task<std::unique_ptr<Connection>> {
      const auto turn = turns->take(call.deadline());
      if (turn) {
        ++*calls;
        opened.wait();
      }
      co_return nullptr;
    };
  }
};

TEST(ApartTest, TellsWhatTheConnectingTold) {
  const auto turns = Turns::at("tells");
  const auto fails = [](io::Call) -> Task<std::unique_ptr<Connection>> {
    throw_error(Errc::configuration, "no such user");
    co_return nullptr;
  };
  const auto error =
      test::error_of([&] { connect(within(io::blocking_waiter(), 60s), turns, fails); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_EQ(error.message, "no such user");
}

TEST(ApartTest, SaysMoreWhereTheConnectingItselfMeetsItsDeadline) {
  const auto waits = [](io::Call call) -> Task<std::unique_ptr<Connection>> {
    co_await call.sleep_until(kNever);
    throw_error(Errc::unavailable, "the server was silent");
    co_return nullptr;
  };
  const auto error = test::error_of(
      [&] { connect(within(io::blocking_waiter(), 20ms), Turns::at("deadline"), waits); });
  EXPECT_EQ(error.message, "the server was silent");
}

TEST(ApartTest, LeavesBehindWhatDoesNotComeBackAndTriesNoMore) {
  const auto turns = Turns::at("stuck");
  std::promise<void> opened;
  const Library library{opened.get_future().share()};
  const auto attempt = [&](Duration span) {
    const auto started = Clock::system().now();
    auto error = test::error_of(
        [&] { connect(within(io::blocking_waiter(), span), turns, library.connecting(turns)); });
    EXPECT_LT(Clock::system().now() - started, 30s);
    return error;
  };
  const auto first = attempt(20ms);
  EXPECT_EQ(first.code, Errc::unavailable);
  EXPECT_THAT(first.message, HasSubstr("no answer to the connection attempt"));
  const auto second = attempt(60s);
  EXPECT_EQ(second.code, Errc::unavailable);
  EXPECT_THAT(second.message, HasSubstr("not tried"));
  EXPECT_EQ(library.calls->load(), 1);

  opened.set_value();
  while (turns->overdue_since(Clock::system().now())) std::this_thread::yield();
  EXPECT_EQ(connect(within(io::blocking_waiter(), 60s), turns, library.connecting(turns)), nullptr);
  EXPECT_EQ(library.calls->load(), 2);
}

TEST(ApartTest, OneThreadIsKeptThoughManyCameAtOnce) {
  const auto turns = Turns::at("many");
  std::promise<void> opened;
  const Library library{opened.get_future().share()};
  io::PollLoop loop;
  int failed = 0;
  const auto attempt = [&]() -> Task<void> {
    try {
      co_await connect_apart(within(loop, 50ms), std::nullopt, "node", turns,
                             library.connecting(turns));
    } catch (const Error&) {
      ++failed;
    }
  };
  for (int i = 0; i < 8; ++i) loop.spawn(attempt());
  loop.run();
  EXPECT_GE(failed, 1);
  EXPECT_EQ(library.calls->load(), 1);
  opened.set_value();
}

TEST(ApartTest, IsCancelledAtOnce) {
  std::promise<void> opened;
  const auto turns = Turns::at("cancelled");
  const Library library{opened.get_future().share()};
  io::PollLoop loop;
  std::optional<Errc> code;
  const auto attempt = [&]() -> Task<void> {
    try {
      co_await connect_apart(io::Call(loop), std::nullopt, "node", turns,
                             library.connecting(turns));
    } catch (const Error& error) {
      code = error.code();
    }
  };
  loop.spawn(attempt());
  loop.cancel();
  loop.run();
  EXPECT_EQ(code, Errc::cancelled);
  opened.set_value();
}

}  // namespace
}  // namespace grant::driver
