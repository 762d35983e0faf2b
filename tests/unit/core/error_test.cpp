#include "grant/core/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace grant {
namespace {

constexpr Errc kAll[] = {Errc::invalid_argument,
                         Errc::configuration,
                         Errc::pool_timeout,
                         Errc::unavailable,
                         Errc::outcome_unknown,
                         Errc::conflict,
                         Errc::constraint,
                         Errc::not_found,
                         Errc::invalid_record,
                         Errc::read_only,
                         Errc::timeout,
                         Errc::cancelled,
                         Errc::closed};

ErrorInfo info(Errc code) {
  ErrorInfo made;
  made.code = code;
  made.message = "what happened";
  made.sqlstate = "23505";
  made.native = 1062;
  made.node = "primary/writer";
  made.constraint = "users_email_key";
  return made;
}

TEST(Error, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const auto code : kAll) names.insert(to_string(code));
  EXPECT_EQ(names.size(), std::size(kAll));
  EXPECT_EQ(names.count("unknown"), 0U);
  EXPECT_EQ(to_string(Errc::outcome_unknown), "outcome_unknown");
}

TEST(Error, EveryCodeIsThrownAsAnErrorThatKeepsEverything) {
  for (const auto code : kAll) {
    try {
      throw_error(info(code));
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      EXPECT_STREQ(error.what(), "what happened");
      EXPECT_EQ(error.sqlstate(), "23505");
      EXPECT_EQ(error.native(), 1062);
      EXPECT_EQ(error.node(), "primary/writer");
      EXPECT_EQ(error.constraint(), "users_email_key");
    }
  }
}

TEST(Error, CodesWithATypeOfTheirOwnAreThrownAsIt) {
  EXPECT_THROW(throw_error(Errc::read_only, ""), ReadOnlyError);
  EXPECT_THROW(throw_error(Errc::not_found, ""), RecordNotFound);
  EXPECT_THROW(throw_error(Errc::pool_timeout, ""), PoolTimeout);
  EXPECT_THROW(throw_error(Errc::unavailable, ""), Unavailable);
  EXPECT_THROW(throw_error(Errc::outcome_unknown, ""), OutcomeUnknown);
  EXPECT_THROW(throw_error(Errc::conflict, ""), Conflict);
  EXPECT_THROW(throw_error(Errc::constraint, ""), ConstraintViolation);
  EXPECT_THROW(throw_error(Errc::configuration, ""), ConfigurationError);
}

TEST(Error, CanBeCaughtAsAStandardException) {
  EXPECT_THROW(throw_error(Errc::timeout, "late"), std::runtime_error);
}

}  // namespace
}  // namespace grant
