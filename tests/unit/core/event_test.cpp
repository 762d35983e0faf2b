#include "grant/core/event.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace grant {
namespace {

TEST(Event, IsOneLineOfNamesAndValues) {
  const Event event{Severity::info,
                    "node.unhealthy",
                    {{"node", std::string("primary/r1")},
                     {"failures", std::int64_t{3}},
                     {"share", 0.5},
                     {"ejected", true}}};
  EXPECT_EQ(to_string(event), "node.unhealthy node=primary/r1 failures=3 share=0.5 ejected=true");
}

TEST(Event, QuotesTextThatWouldNotBeOneWord) {
  const auto line = [](std::string text) {
    return to_string(Event{Severity::info, "e", {{"f", std::move(text)}}});
  };
  EXPECT_EQ(line("plain"), "e f=plain");
  EXPECT_EQ(line(""), "e f=\"\"");
  EXPECT_EQ(line("two words"), "e f=\"two words\"");
  EXPECT_EQ(line("a=b"), "e f=\"a=b\"");
  EXPECT_EQ(line("say \"hi\" \\ there"), "e f=\"say \\\"hi\\\" \\\\ there\"");
}

TEST(Event, NeverSpansLines) {
  const Event event{Severity::info, "e", {{"f", std::string("a\nb\r\tc\nd")}}};
  EXPECT_EQ(to_string(event), "e f=\"a\\nb\\r\\tc\\nd\"");
}

TEST(Event, WithoutFieldsIsItsName) {
  EXPECT_EQ(to_string(Event{Severity::debug, "started", {}}), "started");
}

TEST(Event, SeveritiesHaveNames) {
  EXPECT_EQ(to_string(Severity::debug), "debug");
  EXPECT_EQ(to_string(Severity::info), "info");
  EXPECT_EQ(to_string(Severity::warning), "warning");
  EXPECT_EQ(to_string(Severity::error), "error");
}

TEST(Emit, HandsTheEventToTheSink) {
  std::string seen;
  emit([&](const Event& event) { seen = event.name; }, Event{Severity::info, "happened", {}});
  EXPECT_EQ(seen, "happened");
}

TEST(Emit, SwallowsWhatTheSinkThrows) {
  emit([](const Event&) { throw std::runtime_error("sink"); }, Event{Severity::info, "e", {}});
}

TEST(Emit, WithoutASinkDoesNothing) { emit({}, Event{Severity::error, "e", {}}); }

TEST(StderrSink, WritesOnlyWhatIsSevereEnough) {
  const auto sink = stderr_sink(Severity::warning);
  ::testing::internal::CaptureStderr();
  sink(Event{Severity::info, "quiet", {}});
  sink(Event{Severity::warning, "loud", {{"n", std::int64_t{1}}}});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "grant warning: loud n=1\n");
}

}  // namespace
}  // namespace grant
