#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

#include "grant/io/task.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GRANT_TEST_SANITIZED
#endif
#endif

namespace grant {
namespace {

using detail::give_frame;
using detail::take_frame;

#ifndef GRANT_TEST_SANITIZED

TEST(Frames, OneThatWasGivenIsTheNextThatIsTaken) {
  void* const first = take_frame(300);
  give_frame(first, 300);
  void* const second = take_frame(301);  // of about that size
  EXPECT_EQ(second, first);
  give_frame(second, 301);
}

TEST(Frames, EachThreadHasItsOwn) {
  void* const mine = take_frame(300);
  give_frame(mine, 300);
  std::thread([mine] {
    void* const other = take_frame(300);
    EXPECT_NE(other, mine);
    give_frame(other, 300);
  }).join();
}

#endif

TEST(Frames, TheOtherSizesAreNotMixedUp) {
  std::array<void*, 40> frames{};
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const std::size_t size = 1 + i * 97;
      frames[i] = take_frame(size);
      std::fill_n(static_cast<char*>(frames[i]), size, static_cast<char>(i));
    }
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const std::size_t size = 1 + i * 97;
      const char* const bytes = static_cast<char*>(frames[i]);
      EXPECT_EQ(bytes[0], static_cast<char>(i));
      EXPECT_EQ(bytes[size - 1], static_cast<char>(i));
      give_frame(frames[i], size);
    }
  }
}

TEST(Frames, OnesFromAnotherThreadAreTaken) {
  void* frame = nullptr;
  std::thread([&] { frame = take_frame(500); }).join();
  give_frame(frame, 500);
}

}  // namespace
}  // namespace grant
