#include "grant/core/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "grant/core/error.hpp"

namespace grant {
namespace {

TEST(Json, IsNullUnlessMadeOtherwise) { EXPECT_EQ(Json().text(), "null"); }

TEST(Json, TakesADocumentAndGivesItBack) {
  const nlohmann::json document = {{"page", "/"}, {"n", {1, 2}}};
  const Json json = document;
  EXPECT_EQ(json.parse(), document);
}

TEST(Json, KeepsTextAsItStands) { EXPECT_EQ(Json::from_text(" { } ").text(), " { } "); }

TEST(Json, ComparesDocumentsNotText) {
  EXPECT_EQ(Json::from_text(R"({"a":1,"b":2})"), Json::from_text(R"({ "b": 2, "a": 1 })"));
  EXPECT_FALSE(Json::from_text("[1,2]") == Json::from_text("[2,1]"));
  EXPECT_FALSE(Json::from_text("rubbish") == Json::from_text("other rubbish"));
  EXPECT_EQ(Json::from_text("rubbish"), Json::from_text("rubbish"));
}

TEST(Json, RefusesRubbishWithoutQuotingIt) {
  try {
    static_cast<void>(Json::from_text("{\"secret\"").parse());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid_argument);
    EXPECT_THAT(error.what(), ::testing::Not(::testing::HasSubstr("secret")));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("9 bytes"));
  }
}

TEST(Json, RefusesNumbersThatNoDoubleHoldsWithoutQuotingThem) {
  const auto json = Json::from_text("[4711e999]");
  try {
    static_cast<void>(json.parse());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid_argument);
    EXPECT_THAT(error.what(), ::testing::Not(::testing::HasSubstr("4711")));
  }
  EXPECT_EQ(json, Json::from_text("[4711e999]"));
  EXPECT_FALSE(json == Json::from_text("[4711e998]"));
}

TEST(Json, RefusesWhatNestsTooDeep) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + "\"[\\\"[\"" + std::string(levels, ']');
  };
  EXPECT_TRUE(Json::from_text(nested(1000)).parse().is_array());
  EXPECT_THROW(static_cast<void>(Json::from_text(nested(1001)).parse()), Error);
  // Deep enough to exhaust the stack of whoever walks down.
  const auto deep = Json::from_text(nested(1'000'000));
  EXPECT_THROW(static_cast<void>(deep.parse()), Error);
  EXPECT_FALSE(deep == Json::from_text(deep.text() + " "));
  EXPECT_EQ(Json::from_text("[[],[[]],{}]").parse().size(), 3U);
}

TEST(Json, RefusesADocumentWithInvalidUtf8) {
  const nlohmann::json document = std::string("\xff");
  EXPECT_THROW(static_cast<void>(Json(document)), Error);
}

}  // namespace
}  // namespace grant
