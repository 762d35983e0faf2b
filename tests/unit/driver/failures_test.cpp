#include "driver/failures.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace grant {
namespace {

using namespace std::chrono_literals;

TEST(Failures, OnlyAWriteIsInDoubtAfterSending) {
  using failures::gave_up;
  EXPECT_EQ(failures::lost("n", Effect::read, "reset").code, Errc::unavailable);
  EXPECT_EQ(failures::lost("n", Effect::write, "reset").code, Errc::outcome_unknown);
  EXPECT_EQ(gave_up("n", Effect::read, io::Outcome::timed_out, 3s).code, Errc::timeout);
  EXPECT_EQ(gave_up("n", Effect::read, io::Outcome::cancelled, 3s).code, Errc::cancelled);
  EXPECT_EQ(gave_up("n", Effect::write, io::Outcome::timed_out, 3s).code, Errc::outcome_unknown);
  EXPECT_EQ(gave_up("n", Effect::write, io::Outcome::cancelled, 3s).code, Errc::outcome_unknown);
}

TEST(Failures, SayTheNodeAndWhatWasSeen) {
  const auto error = failures::gave_up("primary/a", Effect::read, io::Outcome::timed_out, 1500ms);
  EXPECT_EQ(error.node, "primary/a");
  EXPECT_EQ(error.message,
            "node \"primary/a\": no answer within 1500 ms; the connection was closed");
  EXPECT_EQ(failures::at("", Errc::timeout, "too late").message, "too late");
}

TEST(Failures, NothingIsInDoubtBeforeSendingOrWhileConnecting) {
  EXPECT_EQ(failures::unsent("n", "why").code, Errc::unavailable);
  EXPECT_EQ(failures::deadline_had_passed("n").code, Errc::timeout);
  EXPECT_EQ(failures::gave_up_connecting("n", io::Outcome::timed_out, 1s).code, Errc::unavailable);
  EXPECT_EQ(failures::gave_up_connecting("n", io::Outcome::cancelled, 1s).code, Errc::cancelled);
}

}  // namespace
}  // namespace grant
