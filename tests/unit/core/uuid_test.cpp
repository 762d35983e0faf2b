#include "grant/core/uuid.hpp"

#include <gtest/gtest.h>

namespace grant {
namespace {

TEST(Uuid, TextComesBackInLowerCase) {
  const std::string text = "0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0eff";
  EXPECT_EQ(Uuid::parse(text)->to_string(), text);
  EXPECT_EQ(Uuid::parse("0190B2F6-6F6E-7C3A-8D3F-2B9A4C1D0EFF")->to_string(), text);
  EXPECT_EQ(Uuid::parse("0190b2f66f6e7c3a8d3f2b9a4c1d0eff")->to_string(), text);
  EXPECT_EQ(Uuid().to_string(), "00000000-0000-0000-0000-000000000000");
}

TEST(Uuid, OtherTextIsRefused) {
  for (const std::string_view text :
       {"", "0190b2f6", "0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0ef",
        "0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0efg", "0190b2f66-f6e-7c3a-8d3f-2b9a4c1d0eff",
        "{190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0eff}"}) {
    EXPECT_FALSE(Uuid::parse(text)) << text;
  }
}

TEST(Uuid, SortsAsItsText) {
  EXPECT_LT(*Uuid::parse("00000000-0000-0000-0000-0000000000ff"),
            *Uuid::parse("80000000-0000-0000-0000-000000000000"));
}

}  // namespace
}  // namespace grant
