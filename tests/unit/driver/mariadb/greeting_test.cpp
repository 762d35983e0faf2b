#include "driver/mariadb/greeting.hpp"

#include <gtest/gtest.h>

#include <string>

namespace grant::mariadb {
namespace {

using State = Greeting::State;

std::string packet(const std::string& payload, char number = 0) {
  std::string bytes;
  bytes += static_cast<char>(payload.size() % 256);
  bytes += static_cast<char>(payload.size() / 256);
  bytes += '\0';
  return bytes + number + payload;
}

/// Up to the lower half of the capabilities.
std::string greeting(char low, char high, const std::string& version = "11.4.2-MariaDB") {
  return packet('\x0a' + version + '\0' + std::string(4 + 8 + 1, 'x') + low + high);
}

TEST(Greeting, SaysWhetherTheServerOffersTls) {
  EXPECT_EQ(parse_greeting(greeting('\0', '\x08')).state, State::whole);
  EXPECT_TRUE(parse_greeting(greeting('\0', '\x08')).offers_tls);
  EXPECT_FALSE(parse_greeting(greeting('\xFF', '\xF7')).offers_tls);
  EXPECT_TRUE(parse_greeting(greeting('\0', '\x08', "")).offers_tls);
  EXPECT_TRUE(parse_greeting(greeting('\0', '\x08') + "and what comes after").offers_tls);
}

TEST(Greeting, IsWaitedForUntilItIsWhole) {
  const auto whole = greeting('\0', '\x08');
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(parse_greeting(whole.substr(0, size)).state, State::incomplete) << size;
  }
}

TEST(Greeting, RefusalsAreLeftToTheLibrary) {
  EXPECT_EQ(parse_greeting(packet("\xFF\x10\x04Too many connections")).state, State::refusal);
}

TEST(Greeting, OfSomethingElseIsNone) {
  using namespace std::string_literals;
  for (const auto& bytes : {"HTTP/1.1 400 Bad Request"s, "E\0\0\0\x10Sfatal"s, packet("\x09old"),
                            packet("\x0aversion without an end"), packet("\x0aversion\0short"s),
                            greeting('\0', '\x08').replace(3, 1, "\x01"),
                            "\xFF\xFF\xFF\0\x0a and so on without an end"s}) {
    EXPECT_EQ(parse_greeting(bytes).state, State::foreign) << bytes;
  }
}

}  // namespace
}  // namespace grant::mariadb
